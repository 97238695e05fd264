from core.errors import InputError, InvalidInput


class WrongCode(InvalidInput):
    """The code is not the one that was sent, or its time is over."""

    def __init__(self) -> None:
        detail = "This is not the code, or its time is over. Ask for a new one."
        super().__init__(errors=[InputError("/code", "wrong_code", detail)])
