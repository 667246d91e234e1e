"""The command `datasync`, and `python -m datasync`."""

import signal


def main() -> None:
    """Run the command. Until it is there Ctrl-C ends the process at once, in place of a traceback out of an import.

    Of a program that imports us signals stay its own business: only this touches them.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it is ignored, as in the background
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from datasync.cli import main as command  # noqa: PLC0415  # imports click

    command()


if __name__ == "__main__":
    main()
