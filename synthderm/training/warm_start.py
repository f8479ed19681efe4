"""Training that starts from another generator's weights, as far as they fit."""

import torch

from synthderm.models.generator import SkinGenerator


@torch.no_grad()
def start_from(generator: SkinGenerator, trained: SkinGenerator) -> None:
    """Copy what fits of a trained generator's weights: its levels, from the smallest on, and the
    classes of the same name. The rest keeps its values; for another size that is the last
    convolution too.

    Args:
        generator: changed in place.
        trained: the generator to start from; it stays as it is.

    Raises:
        ValueError: the two differ in the smallest side, the latents, or the width of a level that
            both have.
    """
    new, old = generator.config, trained.config
    shared = min(len(new["channels"]), len(old["channels"]))
    compared = {
        "code_dim": (generator.code_dim, trained.code_dim),
        "style_dim": (new["style_dim"], old["style_dim"]),
        "channels": (new["channels"][:shared], old["channels"][:shared]),
        "side of the smallest level": (generator.base, trained.base),
    }
    different = [name for name, (a, b) in compared.items() if a != b]
    if different:
        raise ValueError(
            f"size={generator.size} and channels={new['channels']} do not fit a generator with "
            f"size={trained.size} and channels={old['channels']} ({', '.join(different)} "
            "differ): use those, or for each doubling of the size add one number to those "
            "channels."
        )
    state = generator.state_dict()
    for key, value in trained.state_dict().items():
        is_of_another_size = generator.size != trained.size and key.startswith("to_image")
        if key == "embedding.weight":
            for row, name in zip(value, trained.classes):
                if name in generator.classes:
                    state[key][generator.classes.index(name)] = row
        elif key in state and state[key].shape == value.shape and not is_of_another_size:
            state[key].copy_(value)
