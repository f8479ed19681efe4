"""Where a picture comes from, written into its file: that it is synthetic, and what made it.

In XMP it is IPTC's `DigitalSourceType`, which platforms read, with fields of our own beside it. The
same stands as one sentence in EXIF's `ImageDescription`, in PNG's text and in the comments of JPEG
and GIF, for tools that keep one of these and drop the others. Pillow writes EXIF again where it is
told to (`image.save(path, exif=image.getexif())`), and a JPEG's comment by itself.
"""

import html
import os
import re
from pathlib import Path
from typing import Any, Literal, NamedTuple

from PIL import ExifTags, Image, TiffImagePlugin
from PIL.PngImagePlugin import PngInfo

from synthderm import __version__
from synthderm.imaging.decoding import decode, read_file

Kind = Literal["generated", "edited"]
VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/"
# IPTC's names: made by a trained model; a photograph with parts that such a model made.
SOURCE_TYPES: dict[Kind, str] = {
    "generated": "trainedAlgorithmicMedia",
    "edited": "compositeWithTrainedAlgorithmicMedia",
}
SENTENCES: dict[Kind, str] = {
    "generated": "Synthetic image",
    "edited": "Photograph with synthetic parts",
}
OURS = "https://pypi.org/project/synthderm/ns/1.0/"
FIELDS = ("model", "weights", "seed", "item", "mode")
SEGMENT = b"http://ns.adobe.com/xap/1.0/\x00"  # what a JPEG's XMP begins with
XMP_TAG = 700  # of a TIFF
NO_PLACE = ("BMP",)  # formats that hold no text


class Provenance(NamedTuple):
    """What made a picture.

    Args:
        kind: "generated", or "edited" for a photograph with synthetic parts.
        model: name or Hub id.
        weights: their SHA-256.
        seed: of the data set or of the edit; None where nothing was drawn.
        item: its number in the data set; None of an edit.
        mode: of an edit: "add" or "remove".
    """

    kind: Kind
    model: str
    weights: str
    seed: int | None = None
    item: int | None = None
    mode: str | None = None

    def values(self) -> dict[str, str]:
        """The fields that are known, as text."""
        known = {name: getattr(self, name) for name in FIELDS}
        return {name: str(value) for name, value in known.items() if value is not None}

    def sentence(self) -> str:
        """All of it in one line of ASCII."""
        parts = [f"{SENTENCES[self.kind]} made by synthderm {__version__}"]
        parts += [f"{name} {value}" for name, value in self.values().items()]
        parts.append(f"digital source type {SOURCE_TYPES[self.kind]}")
        return "; ".join(parts).encode("ascii", "backslashreplace").decode("ascii")

    def xmp(self) -> bytes:
        """All of it as an XMP packet."""
        ours = "".join(
            f"<synthderm:{name}>{html.escape(value, quote=False)}</synthderm:{name}>"
            for name, value in self.values().items()
        )
        return (
            '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
            '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
            '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
            '<rdf:Description rdf:about=""'
            ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
            ' xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
            f' xmlns:synthderm="{OURS}">'
            f"<Iptc4xmpExt:DigitalSourceType>{VOCABULARY}{SOURCE_TYPES[self.kind]}"
            "</Iptc4xmpExt:DigitalSourceType>"
            f"<xmp:CreatorTool>synthderm {__version__}</xmp:CreatorTool>{ours}"
            "</rdf:Description></rdf:RDF></x:xmpmeta>"
            '<?xpacket end="w"?>'
        ).encode()


def provenance_of_copy(origin: dict[str, str] | None, edit: Provenance | None) -> Provenance | None:
    """What is written into an edited copy.

    Args:
        origin: what the original says of itself. An edit of a generated image is generated.
        edit: what made the edit; None where no pixel was changed, and the copy is what the original
            is.
    """
    kinds = {name: kind for kind, name in SOURCE_TYPES.items()}
    kind = kinds.get((origin or {}).get("digital source type", ""))
    if edit is not None:
        return edit._replace(kind="generated") if kind == "generated" else edit
    if origin is None or kind is None:
        return None
    seed, item = (int(origin[key]) if key in origin else None for key in ("seed", "item"))
    model, weights = (origin.get(key, "unknown") for key in ("model", "weights"))
    return Provenance(kind, model, weights, seed, item, origin.get("mode"))


def name_model(model: str | os.PathLike[str]) -> str:
    """A model's name without the folders of the machine it lies on."""
    name = os.fspath(model)
    return Path(name).name if name.startswith(("/", ".", "~")) else name


def provenance_options(
    provenance: Provenance, file_format: str, exif: bytes = b""
) -> dict[str, Any]:
    """Options of `Image.save` that write it.

    Args:
        provenance: what to write.
        file_format: Pillow's name of the format. A BMP holds none of it.
        exif: EXIF data that the file is to have, in which a description of its own stays.
    """
    sentence, xmp = provenance.sentence(), provenance.xmp()
    if file_format in NO_PLACE:
        return {}
    if file_format == "GIF":
        return {"comment": sentence.encode("ascii")}
    if file_format == "TIFF":
        tags = TiffImagePlugin.ImageFileDirectory_v2()
        tags.tagtype[XMP_TAG] = 1  # bytes
        tags[XMP_TAG] = xmp
        tags[int(ExifTags.Base.ImageDescription)] = sentence
        tags[int(ExifTags.Base.Software)] = f"synthderm {__version__}"
        return {"tiffinfo": tags}
    options: dict[str, Any] = {"exif": _describe(exif, sentence)}
    if file_format == "PNG":
        text = PngInfo()
        text.add_itxt("XML:com.adobe.xmp", xmp.decode())
        text.add_text("Description", sentence)
        text.add_text("Software", f"synthderm {__version__}")
        options["pnginfo"] = text
    elif file_format == "JPEG":
        body = SEGMENT + xmp
        options["extra"] = b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body
        options["comment"] = sentence.encode("ascii")
    else:  # WebP
        options["xmp"] = xmp
    return options


def _describe(exif: bytes, sentence: str) -> bytes:
    """EXIF data with a description, where they have none."""
    known = Image.Exif()
    if exif:
        known.load(exif)
    if not known.get(ExifTags.Base.ImageDescription):
        known[ExifTags.Base.ImageDescription] = sentence
    return known.tobytes()


def read_provenance(path: str | os.PathLike[str]) -> dict[str, str] | None:
    """What a file says of where it comes from; None where it says nothing.

    Args:
        path: the file, of this library or of another tool that writes `DigitalSourceType`.

    Returns:
        "digital source type", IPTC's word or address; and what is known of "tool", "model",
        "weights", "seed", "item" and "mode".

    Raises:
        OSError: there is no such file, or it can't be read.
        ValueError: not an image that can be read.
    """
    data = read_file(path)
    return find_provenance(data, decode(data, path))


def find_provenance(data: bytes, image: Image.Image) -> dict[str, str] | None:
    """As `read_provenance`, of a file in memory and the picture that was decoded from it."""
    packet = re.search(rb"<x:xmpmeta.*?</x:xmpmeta>", data, re.DOTALL)
    found = _parse_packet(packet[0].decode("utf-8", "replace")) if packet else {}
    if "digital source type" in found:
        return found
    for text in _sentences(image):
        if known := _parse_sentence(text):
            return known
    return None


def _parse_packet(packet: str) -> dict[str, str]:
    """The fields of an XMP packet, whether they are elements or attributes."""
    names = {"digital source type": "Iptc4xmpExt:DigitalSourceType", "tool": "xmp:CreatorTool"}
    names |= {name: f"synthderm:{name}" for name in FIELDS}
    found = {}
    for key, name in names.items():
        ways = rf'<{name}>([^<]*)<|{name}="([^"]*)"|<{name} rdf:resource="([^"]*)"'
        match = re.search(ways, packet)
        if match:
            value = next(group for group in match.groups() if group is not None)
            found[key] = html.unescape(value.strip()).removeprefix(VOCABULARY)
    return found


def _sentences(image: Image.Image) -> list[str]:
    """The texts of a file that may be a sentence of ours."""
    try:
        described = image.getexif().get(ExifTags.Base.ImageDescription)
    except Exception:  # EXIF data are a file of their own, and may be damaged in any way
        described = None
    texts = [
        described,
        image.info.get("Description"),
        image.info.get("comment"),
    ]
    return [
        text.decode("ascii", "replace") if isinstance(text, bytes) else str(text)
        for text in texts
        if text
    ]


def _parse_sentence(text: str) -> dict[str, str]:
    """The fields of `Provenance.sentence`; {} of any other text."""
    first, *parts = text.split("; ")
    match = re.fullmatch(rf"(?:{'|'.join(SENTENCES.values())}) made by (synthderm \S+)", first)
    if match is None:
        return {}
    found = {"tool": match[1]}
    for part in parts:
        for key in ("digital source type", *FIELDS):
            if part.startswith(f"{key} "):
                found[key] = part.removeprefix(f"{key} ")
    return found if "digital source type" in found else {}
