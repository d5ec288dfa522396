"""`--on-interrupt`: what becomes of that which runs in the cloud when its run is stopped here."""

from argparse import ArgumentParser, Namespace

_LEAVE, _CANCEL = "leave", "cancel"


def declare(parser: ArgumentParser) -> None:
    """Declare the option."""
    parser.add_argument(
        "--on-interrupt",
        choices=[_LEAVE, _CANCEL],
        default=_LEAVE,
        help="on Ctrl-C: leave what runs in the cloud to a later resume (the default), or cancel it and clean"
        " up as after a failure",
    )


def cancels(options: Namespace) -> bool:
    """Tell whether an interruption is to cancel what runs."""
    return bool(options.on_interrupt == _CANCEL)
