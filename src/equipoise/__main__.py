"""``python -m equipoise``: the command, for launchers such as torchrun."""

from equipoise.cli import main

if __name__ == "__main__":
    main()
