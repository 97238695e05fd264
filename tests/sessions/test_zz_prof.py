import cProfile, pstats, io
from tests.sessions import stages
def test_prof(ada, at, capsys):
    p = cProfile.Profile(); p.enable()
    stages.booked(ada, at=at)
    p.disable()
    s = io.StringIO(); st = pstats.Stats(p, stream=s).sort_stats("cumulative"); st.print_stats(45)
    open("/tmp/prof.txt","w").write(s.getvalue())
    from django.db import connection
