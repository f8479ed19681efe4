"""Our editor: the step of recipes/train_edit.py, with paired supervision, in the comparison's loop.

`EditStep` as the bundled editor is trained: a small network looks at a 64 px copy, tells where the
renderer's signs go and how a removal restores the skin, and finds eczema. The renderer's own
drawing is the answer, map by map. Outside the mask nothing changes, by construction.
"""

from argparse import Namespace

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.references.system import Editor, Losses, Setup, System
from recipes.train_edit import EditStep
from synthderm.imaging.resize import shrink
from synthderm.models.editor import ADD, FIND, REMOVE, EczemaEditor
from synthderm.training.devices import Devices
from synthderm.training.edit_batches import EditBatch, EditSampler
from synthderm.training.edits import edit


class OurEditor(Editor):
    """An `EczemaEditor` as the comparison asks for edits.

    Args:
        network: the editor.
    """

    def __init__(self, network: EczemaEditor) -> None:
        super().__init__()
        self.network = network

    def add(self, batch: EditBatch) -> Tensor:
        return edit(self.network, batch.healthy, batch.mask, ADD, batch)[0]

    def remove(self, lesional: Tensor, mask: Tensor, batch: EditBatch) -> Tensor:
        return edit(self.network, lesional, mask, REMOVE, batch)[0]

    def find(self, lesional: Tensor, batch: EditBatch) -> Tensor:
        thumbnail, zeros = shrink(lesional), torch.zeros_like(batch.severity)
        found = self.network(
            thumbnail,
            torch.zeros_like(thumbnail[:, :1]),
            severity=zeros,
            direction=zeros + FIND,
            latents=batch.latents,
        ).found
        size = lesional.shape[2:]
        return F.interpolate(found, size=size, mode="bilinear") > 0


class OurEdit(System):
    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        args = Namespace(
            size=setup.size,
            batch=setup.batch,
            supervision="paired",
            lr=1e-3,
            lr_half_life=12_000,
            ema_images=4000,
            out="the comparison",
        )
        network = EczemaEditor().to(setup.device)
        sampler = EditSampler(
            [setup.healthy],
            [],
            batch=setup.batch,
            size=setup.size,
            supervision="paired",
            has_pairs=True,
            device=setup.device,
        )
        self.recipe = EditStep(args, network, sampler, Devices(str(setup.device)))
        self.generator = OurEditor(network)
        self.shown = 0

    def step(self, progress: float) -> Losses:
        self.recipe(self.shown)
        self.shown += self.batch
        return {name: torch.tensor(value) for name, value in self.recipe.means.items()}
