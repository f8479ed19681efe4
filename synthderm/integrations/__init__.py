"""`EczemaEdit` in the pipelines of other libraries: Albumentations, MONAI, Hugging Face datasets.

Each module here imports its library, and nothing else in the package imports these modules. The
page `docs/integrations.md` shows them, and what needs no code of ours: numpy, torchvision's
ImageFolder, kornia and Lightning.
"""
