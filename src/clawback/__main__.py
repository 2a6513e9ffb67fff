"""`python -m clawback` is the `clawback` command."""

from clawback.cli.main import main

if __name__ == "__main__":
    main()
