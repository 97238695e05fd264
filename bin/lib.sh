# Finds a Python that is new enough and hands over to the launcher. Sourced by the other scripts here.

# Prints the version; fails where it is too old, or comes without venv (Debian splits it off).
PROBE='import sys; print("%d.%d" % sys.version_info[:2]); assert sys.version_info >= (3, 11); import ensurepip, venv'

launch() {
    seen=
    # 3.12 and 3.11 come before newer ones: for them a wheel with a real Redis exists.
    for name in .venv/bin/python python3.12 python3.11 python3.14 python3.13 python3 python; do
        found=$("$name" -c "$PROBE" 2>/dev/null) && exec "$name" -I config/local/install.py "$@"
        seen="$seen${found:+ $name=$found}"
    done
    echo "Rekindle needs Python 3.11 or newer with its venv module; found here:${seen:- none}." >&2
    exit 1
}
