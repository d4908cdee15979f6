"""What turns the repository into something that runs elsewhere: locks, bills of materials, manifests."""
