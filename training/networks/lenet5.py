"""LeNet-5 in its ReLU and max-pooling form: 1 x 28 x 28 pixels to K logits, 61,706 parameters for ten labels.

Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-Based Learning Applied to Document Recognition",
Proceedings of the IEEE, 1998; there with tanh and trained average pooling.
"""

from collections import OrderedDict

from torch import nn


def lenet5(channels: int, labels: int) -> nn.Module:
    """The network for pictures of 28 x 28 pixels.

    Args:
        channels: of the input.
        labels: K, the number of outputs.
    """
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(channels, 6, kernel_size=5, padding=2),  # (n, 6, 28, 28)
            relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(2),  # (n, 6, 14, 14)
            conv2=nn.Conv2d(6, 16, kernel_size=5),  # (n, 16, 10, 10)
            relu2=nn.ReLU(),
            pool2=nn.MaxPool2d(2),  # (n, 16, 5, 5)
            flatten=nn.Flatten(),  # (n, 400)
            dense1=nn.Linear(400, 120),
            relu3=nn.ReLU(),
            dense2=nn.Linear(120, 84),
            relu4=nn.ReLU(),
            dense3=nn.Linear(84, labels),
        )
    )
