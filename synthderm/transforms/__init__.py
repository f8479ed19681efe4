"""`EczemaEdit`, the torchvision transform, and the functions of tensors behind it."""
