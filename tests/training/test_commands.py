"""The commands as people type them: their own pictures, their own network, an untrained one, two versions compared."""

import csv
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image, ImageDraw
from typer.testing import CliRunner, Result

from service.__main__ import make_cli
from service.engine import Provider, load_engine
from service.errors import ConvscopeError, InvalidSetting
from service.published import PublishedVersion, read_exemplars, read_version
from service.rehearsal import answer_sample
from training.commands.card import card
from training.commands.compare import compare
from training.commands.init import init
from training.commands.train import train

cli = typer.Typer()
for command in (train, init, compare, card):
    cli.command(command.__name__)(command)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory: models and runs go into it by default."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


def run(*words: str) -> Result:
    result = CliRunner().invoke(cli, list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


def refuse(*words: str) -> str:
    """What the command says when it refuses; nothing may be published then."""
    with pytest.raises(ConvscopeError) as refused:
        CliRunner().invoke(cli, list(words), catch_exceptions=False)
    assert not list(Path("models").glob("*/*"))
    return str(refused.value)


def version(name: str, number: int = 1) -> PublishedVersion:
    return read_version(Path("models").resolve() / name / str(number))


def draw_shapes(folder: Path, counts: dict[str, int]) -> None:
    """Pictures of discs and boxes, of all sizes, colours and formats."""
    random = np.random.default_rng(0)
    for label, count in counts.items():
        (folder / label).mkdir(parents=True)
        for number in range(count):
            width, height = (int(side) for side in random.integers(40, 120, 2))
            picture = Image.new("RGB", (width, height), tuple(int(shade) for shade in random.integers(0, 90, 3)))
            size = int(random.integers(20, 34))
            left, top = (width - size) // 2, (height - size) // 2
            box = (left, top, left + size, top + size)
            fill = tuple(int(shade) for shade in random.integers(160, 256, 3))
            pen = ImageDraw.Draw(picture)
            pen.ellipse(box, fill=fill) if label == "disc" else pen.rectangle(box, fill=fill)
            picture.save(folder / label / f"{number}.{['png', 'jpg', 'webp', 'bmp'][number % 4]}")


SMALL = ["--height", "24", "--width", "24", "--batch-size", "32", "--threads", "2", "--learning-rate", "0.01"]


def test_own_pictures_with_one_sigmoid_output(here: Path) -> None:
    draw_shapes(here / "shapes", {"box": 150, "disc": 60})
    (here / "shapes" / "disc" / "broken.jpg").write_bytes(b"no picture")
    done = run("train", "shapes", "--network", "small-cnn", "--head", "sigmoid", "--epochs", "8", *SMALL)
    assert "skipped" in done.output
    assert "broken.jpg" in done.output
    assert "2.5 times the pictures of the smallest: weighed against it" in done.output
    published = version("shapes")
    manifest = published.manifest
    assert manifest.labels == ("box", "disc")
    assert manifest.dataset is not None
    assert manifest.dataset.skipped == 1
    assert sum(manifest.dataset.labels["train"].values()) == manifest.dataset.counts["train"]
    assert manifest.metrics["accuracy"] >= 0.9
    engine = load_engine(manifest, published.onnx, Provider.CPU, 1)
    scores = engine.run(np.zeros((3, 24, 24, 3), np.uint8))
    assert scores.probabilities.shape == (3, 2)
    assert scores.probabilities.sum(axis=1) == pytest.approx(1, abs=1e-6)
    assert str(here) not in (published.folder / "manifest.json").read_text()
    assert "train shapes --network small-cnn" in manifest.training.command if manifest.training else False


def test_a_table_of_paths_and_labels_and_a_network_of_ones_own(here: Path) -> None:
    draw_shapes(here / "shapes", {"box": 60, "disc": 60})
    with (here / "list.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label"])
        writer.writerows([path.relative_to(here), path.parent.name] for path in sorted((here / "shapes").glob("*/*")))
    (here / "mine.py").write_text(
        "from torch import nn\n"
        "class Mine(nn.Module):\n"
        "    def __init__(self, channels, num_classes):\n"
        "        super().__init__()\n"
        "        self.body = nn.Sequential(nn.Conv2d(channels, 4, 5), nn.ReLU(), nn.AdaptiveAvgPool2d(1))\n"
        "        self.head = nn.Linear(4, num_classes)\n"
        "    def forward(self, pictures):\n"
        "        return self.head(self.body(pictures).flatten(1))\n"
    )
    run("train", "list.csv", "--network", "mine.py:Mine", "--name", "mine", "--epochs", "1", *SMALL)
    published = version("mine")
    assert published.manifest.onnx.parameters == 4 * 3 * 25 + 4 + 4 * 2 + 2
    exemplars = read_exemplars(published.folder)
    assert exemplars is not None
    assert {"body.0", "body.1"} <= set(exemplars.layers)


@pytest.mark.usefixtures("here")
def test_a_run_published_as_a_film_and_in_eight_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.quantize.is_worth_it", lambda *_: True)  # here they may be slower
    run("train", "ticks", "--epochs", "2", "--keep-checkpoints", "3", "--quantize", "--name", "film", "--threads", "2")
    published = version("film")
    assert [frame.step for frame in published.manifest.film] == [0, 42, 84]
    accuracies = [frame.validation_accuracy for frame in published.manifest.film]
    assert accuracies[0] < accuracies[-1]
    graphs = [(published.folder / "film" / frame.file).read_bytes() for frame in published.manifest.film]
    assert len(set(graphs)) == 3
    pictures = np.random.default_rng(0).integers(0, 255, (2, 28, 28, 1), np.uint8)
    for graph in graphs:
        load_engine(published.manifest, graph, Provider.CPU, 1).run(pictures)
    judged = published.evidence.quantization
    assert judged is not None
    assert judged.serves
    assert published.int8 is not None
    answering = load_engine(published.manifest, published.int8, Provider.CPU, 1)
    for sample in published.evidence.samples:
        picture = (published.folder / "samples" / sample.file).read_bytes()
        says = answer_sample(answering, picture, published.manifest.input).max()
        assert sample.probability == pytest.approx(says, abs=1e-5), "what answers was asked, not the float graph"


@pytest.mark.usefixtures("here")
def test_an_untrained_network_needs_no_pictures() -> None:
    run("init")
    run("init", "again")
    cat, again = version("cat"), version("again")
    assert (cat.manifest.input.height, cat.manifest.input.width, cat.manifest.input.channels) == (320, 400, 3)
    assert cat.manifest.dataset is None
    assert cat.evidence.test.pictures == 0
    assert cat.evidence.parity.pictures == 256
    assert cat.onnx == again.onnx, "the same seed"
    run("init", "other", "--seed", "1")
    assert version("other").onnx != cat.onnx


def test_two_versions_compared_and_described(here: Path) -> None:
    for epochs in ("1", "2"):
        run("train", "ticks", "--epochs", epochs, "--keep-checkpoints", "0", "--threads", "2", "--no-gate")
    assert version("ticks", 2).evidence.gate is None
    said = run("compare", "ticks/1", "ticks", "--out", "different").output
    accuracies = [version("ticks", number).manifest.metrics["accuracy"] for number in (1, 2)]
    for accuracy in accuracies:
        assert f"{accuracy:.2%}" in said
    count = int(said.partition(" of 1,000 pictures are answered differently")[0].split()[-1])
    assert count >= abs(accuracies[0] - accuracies[1]) * 1000
    assert len(list((here / "different").glob("*.png"))) == count
    with pytest.raises(InvalidSetting, match="there are ticks/1, ticks/2"):
        CliRunner().invoke(cli, ["compare", "ticks/1", "ticks/7"], catch_exceptions=False)
    assert "# ticks" in run("card", "ticks").output
    run("card", "ticks/1", "--out", "card.md")
    assert "epochs 1" in (here / "card.md").read_text()
    listed = CliRunner().invoke(make_cli(), ["models", "--models", "models"])
    assert [line.split()[:2] for line in listed.output.splitlines()[1:]] == [["ticks", "1"], ["ticks", "2"]]


@pytest.mark.parametrize(
    ("counts", "said"),
    [({"disc": 20}, "label"), ({"disc": 1}, "picture"), ({}, "picture"), ({"box": 2, "disc": 2}, "add pictures")],
    ids=["one label", "one picture", "none", "too few for three splits"],
)
def test_pictures_that_cant_be_learnt_from(here: Path, counts: dict[str, int], said: str) -> None:
    (here / "shapes").mkdir()
    draw_shapes(here / "shapes", counts)
    assert said in refuse("train", "shapes", *SMALL)


def test_strict_refuses_what_cant_be_read(here: Path) -> None:
    draw_shapes(here / "shapes", {"box": 30, "disc": 30})
    (here / "shapes" / "disc" / "broken.jpg").write_bytes(b"no picture")
    assert "broken.jpg" in refuse("train", "shapes", "--strict", *SMALL)


@pytest.mark.usefixtures("here")
def test_networks_and_settings_that_dont_fit() -> None:
    assert "no network is called 'lenet6'" in refuse("train", "ticks", "--network", "lenet6")
    assert "32" in refuse("train", "ticks", "--network", "vgg11")
    assert "--momentum: Input should be less than 1" in refuse("train", "ticks", "--momentum", "1.5")
    assert "--name: " in refuse("train", "ticks", "--name", "Not A Name")
