"""Where the public image sets come from and what their files must be.

Paths are those that torchvision reads; addresses are torchvision's, for PCam its authors' Zenodo record.
SHA-256 of MNIST, Fashion-MNIST and CIFAR-10: of files with the MD5 that torchvision publishes; of the CIFAR
archives, SVHN, PCam and Flowers-102: TensorFlow Datasets' list of checksums; of the unpacked CIFAR-100:
records of several public projects. Of the unpacked PCam none is published; `prepare` notes its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["file", "gzip", "tar", "zip", "any"]
MAGIC = {  # how a download must begin
    "file": b"MATLAB 5.0",
    "gzip": b"\x1f\x8b",
    "tar": b"\x1f\x8b",
    "zip": b"PK\x03\x04",
    "any": b"",
}


@dataclass(frozen=True)
class File:
    """A file below the root as loaders read it; sha256 None: nothing is published."""

    path: str
    sha256: str | None


@dataclass(frozen=True)
class Download:
    """What is fetched, from the first mirror that has it, and the files that it becomes.

    Size and SHA-256 None: nothing is published; then the server's own word on the size must do.
    """

    urls: tuple[str, ...]
    size: int | None
    sha256: str | None
    kind: Kind
    files: tuple[File, ...]


def idx(folder: str, mirrors: tuple[str, ...], name: str, size: int, packed: str, raw: str) -> Download:
    """One gzipped file of the MNIST family."""
    file = File(f"{folder}/raw/{name}", raw)
    return Download(tuple(f"{mirror}{name}.gz" for mirror in mirrors), size, packed, "gzip", (file,))


MNIST = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/")
FASHION = ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",)
CIFAR = "https://www.cs.toronto.edu/~kriz/"
SVHN = "http://ufldl.stanford.edu/housenumbers/"
PCAM = "https://zenodo.org/records/2546921/files/camelyonpatch_level_2_split_"


FLOWERS = "flowers-102"
FLOWERS_AT = (
    "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/",
    "https://thor.robots.ox.ac.uk/datasets/flowers-102/",
)


def flowers(name: str, size: int, sha256: str) -> Download:
    """One MATLAB file of Flowers-102; its images are in an archive that its loader knows."""
    urls = tuple(at + name for at in FLOWERS_AT)
    return Download(urls, size, sha256, "file", (File(f"{FLOWERS}/{name}", sha256),))


def pcam(part: str, size: int, sha256: str) -> Download:
    """One gzipped HDF5 file of PCam."""
    file = File(f"pcam/camelyonpatch_level_2_split_{part}.h5", None)
    return Download((f"{PCAM}{part}.h5.gz",), size, sha256, "gzip", (file,))


def svhn(part: str, size: int, sha256: str) -> Download:
    """One MATLAB file of SVHN."""
    return Download((f"{SVHN}{part}_32x32.mat",), size, sha256, "file", (File(f"{part}_32x32.mat", sha256),))


def cifar(archive: str, size: int, sha256: str, folder: str, files: dict[str, str]) -> Download:
    """A CIFAR archive of Python pickles."""
    members = tuple(File(f"{folder}/{name}", digest) for name, digest in files.items())
    return Download((CIFAR + archive,), size, sha256, "tar", members)


PUBLISHED: dict[str, tuple[Download, ...]] = {
    "mnist": (
        idx(
            "MNIST", MNIST, "train-images-idx3-ubyte", 9912422,
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ),
        idx(
            "MNIST", MNIST, "train-labels-idx1-ubyte", 28881,
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
        idx(
            "MNIST", MNIST, "t10k-images-idx3-ubyte", 1648877,
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        ),
        idx(
            "MNIST", MNIST, "t10k-labels-idx1-ubyte", 4542,
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
    "fashion-mnist": (
        idx(
            "FashionMNIST", FASHION, "train-images-idx3-ubyte", 26421880,
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        ),
        idx(
            "FashionMNIST", FASHION, "train-labels-idx1-ubyte", 29515,
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        ),
        idx(
            "FashionMNIST", FASHION, "t10k-images-idx3-ubyte", 4422102,
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        ),
        idx(
            "FashionMNIST", FASHION, "t10k-labels-idx1-ubyte", 5148,
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
    ),
    "cifar10": (
        cifar(
            "cifar-10-python.tar.gz", 170498071,
            "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
            "cifar-10-batches-py",
            {
                "data_batch_1": "54636561a3ce25bd3e19253c6b0d8538147b0ae398331ac4a2d86c6d987368cd",
                "data_batch_2": "766b2cef9fbc745cf056b3152224f7cf77163b330ea9a15f9392beb8b89bc5a8",
                "data_batch_3": "0f00d98ebfb30b3ec0ad19f9756dc2630b89003e10525f5e148445e82aa6a1f9",
                "data_batch_4": "3f7bb240661948b8f4d53e36ec720d8306f5668bd0071dcb4e6c947f78e9682b",
                "data_batch_5": "d91802434d8376bbaeeadf58a737e3a1b12ac839077e931237e0dcd43adcb154",
                "test_batch": "f53d8d457504f7cff4ea9e021afcf0e0ad8e24a91f3fc42091b8adef61157831",
            },
        ),
    ),
    "cifar100": (
        cifar(
            "cifar-100-python.tar.gz", 169001437,
            "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
            "cifar-100-python",
            {
                "train": "735e79b04f092ca3d2e6d07f368c0a7d70d48c48d28865950cc24454cf45129b",
                "test": "4b67687d9933c4db8f0831104447f15b93774f4f464bd0516f0f0f2ac83b7864",
            },
        ),
    ),
    "svhn": (
        svhn("train", 182040794, "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8"),
        svhn("test", 64275384, "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b"),
    ),
    "pcam": (
        pcam("train_x", 6421353462, "d619e741468a7ab35c7e4a75e6821b7e7e6c9411705d45708f2a0efc8960656c"),
        pcam("train_y", 21378, "b74126d2c01b20d3661f9b46765d29cf4e4fba6faba29c8e0d09d406331ab75a"),
        pcam("test_x", 800875929, "79174c2201ad521602a5888be8f36ee10875f37403dd3f2086caf2182ef87245"),
        pcam("test_y", 3040, "0a522005fccc8bbd04c5a117bfaf81d8da2676f03a29d7499f71d0a0bd6068ef"),
    ),
    "flowers102": (
        flowers("imagelabels.mat", 502, "4903e94206bac23bf772aadf06451916df56b58fc483a62db32a97b82656651d"),
        flowers("setid.mat", 14989, "46b8678f91fd95d3c8f4feab80d271a6c834a1dd896fe29fd3e6ad9ce5c8dccd"),
    ),
}  # fmt: skip
