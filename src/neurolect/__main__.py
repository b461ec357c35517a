"""``python -m neurolect`` is the command ``neurolect``."""

from neurolect.cli import main

if __name__ == "__main__":
    main()
