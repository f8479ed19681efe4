"""All systems of the comparison, by group and name."""

from benchmarks.references.biggan import BigGAN
from benchmarks.references.cyclegan import CycleGAN, GradientCycleGAN
from benchmarks.references.drifting import Drifting
from benchmarks.references.dual_gan import DualGAN
from benchmarks.references.healthy_difference import HealthyDifference
from benchmarks.references.lapgan import LAPGAN
from benchmarks.references.mask_to_lesion import MaskToLesion
from benchmarks.references.masked_cyclegan import MaskedCycleGAN
from benchmarks.references.ours_edit import OurEdit
from benchmarks.references.ours_gan import OurGAN
from benchmarks.references.pix2pix import Pix2Pix
from benchmarks.references.plain_gan import PlainDCGAN
from benchmarks.references.progan import ProGAN
from benchmarks.references.residual_gan import ResidualGAN
from benchmarks.references.rs_imle import RSIMLE
from benchmarks.references.system import System

GROUPS: dict[str, dict[str, type[System]]] = {
    "noise": {
        "dcgan": PlainDCGAN,
        "lapgan": LAPGAN,
        "progan": ProGAN,
        "biggan": BigGAN,
        "residual-gan": ResidualGAN,
        "rs-imle": RSIMLE,
        "drifting": Drifting,
        "ours": OurGAN,
    },
    # Ours makes masks with its images: one training serves both groups.
    "mask": {"dual-gan": DualGAN, "mask-to-lesion": MaskToLesion, "ours": OurGAN},
    "edit": {
        "pix2pix": Pix2Pix,
        "cyclegan": CycleGAN,
        "cyclegan-gradient": GradientCycleGAN,
        "masked-cyclegan": MaskedCycleGAN,
        "healthy-difference": HealthyDifference,
        "ours-edit": OurEdit,
    },
}
