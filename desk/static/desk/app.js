// Whoever keeps somebody company has a page of their own; older invitations lead here.
if (location.hash.startsWith("#monitor")) location.replace(`/monitor/${location.hash}`);
