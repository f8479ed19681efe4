"""Executes the notebooks of docs/notebooks and stores their outputs, pictures as JPEG alone.

python -m docs.execute [NAME ...]      # with the extra "docs"
"""

import sys
from pathlib import Path

FOLDER = Path(__file__).with_name("notebooks")


def main(names: list[str]) -> None:
    import nbformat
    from nbclient import NotebookClient

    for path in sorted(FOLDER.glob("*.ipynb")):
        if names and path.stem not in names:
            continue
        notebook = nbformat.read(path, as_version=4)
        NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
        for cell in notebook.cells:
            cell.metadata = {}
            if cell.cell_type == "code":
                cell.outputs = [one for one in cell.outputs if one.get("name") != "stderr"]
                for output in cell.outputs:
                    data = output.get("data", {})
                    if "image/jpeg" in data:
                        data.pop("image/png", None)
        nbformat.write(notebook, path)
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
