# Finds a Python that is new enough and hands over to the launcher. Sourced by the other scripts here.
# 3.12 and 3.11 come first: for them a wheel with a real Redis exists.

launch() {
    seen=
    for name in python3.12 python3.11 python3.14 python3.13 python3 python; do
        found=$("$name" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
        seen="$seen $name=$found"
        "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
        if ! "$name" -c 'import ensurepip, venv' 2>/dev/null; then
            seen="$seen (without venv and ensurepip)"
            continue
        fi
        exec "$name" -I config/local/install.py "$@"
    done
    echo "Rekindle needs Python 3.11 or newer with its venv module; found here:${seen:- none}." >&2
    exit 1
}
