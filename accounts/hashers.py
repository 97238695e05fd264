from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2Hasher(Argon2PasswordHasher):
    """Argon2id with the least that OWASP's password storage cheat sheet asks for (19 MiB, two passes).

    Django's own default takes 100 MiB and eight threads a time: a few sign-ins at once would stall a small
    server in the middle of somebody's session.
    """

    memory_cost = 19_456
    time_cost = 2
    parallelism = 1
