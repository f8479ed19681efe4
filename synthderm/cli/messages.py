"""What went wrong, as one line for the person at the command line."""


def one_line(error: Exception) -> str:
    """An error in one line; the system's with the file first, and without its number."""
    if isinstance(error, OSError) and error.strerror:
        name = "" if error.filename is None else f"{error.filename}: "
        return f"{name}{error.strerror}."
    text = " ".join(line.strip() for line in str(error).splitlines())
    return text or type(error).__name__
