"""The names of a lesion's signs."""

# What the clinical scores rate (EASI: Hanifin et al., Exp. Dermatol. 10, 2001; SCORAD: European
# Task Force on Atopic Dermatitis, Dermatology 186, 1993), pigment, and how a lesion looks.
# `synthderm.imaging.eczema_renderer` says how each is drawn.
SIGNS = (
    "erythema",
    "papulation",
    "excoriation",
    "lichenification",
    "scale",
    "crust",
    "oozing",
    "pigment",
    "diffuseness",
    "patchiness",
    "warmth",
)
LOOKS = SIGNS[-3:]  # how a lesion looks beside the clinical signs
