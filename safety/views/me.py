from accounts import views
from safety import services


class Me(views.Me):
    """The signed-in person, whose name and birth date stay once somebody compared them with a document."""

    save = staticmethod(services.save_me)
