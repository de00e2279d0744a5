"""What Platter's log says, as far as rigs look for it: each text once, as it stands in the sources (see Scripts/tidy)."""

from __future__ import annotations

INDEX_UNUSABLE = "The index cannot be used"
INDEX_BACK = "The index is in use again"
INDEX_UNWRITABLE = "The index cannot be written"
#: It is tried again.
NO_INDEX_YET = "No index can be made yet"

#: Somebody has changed a data file.
FILE_CHANGED = "A file of the cache is not as it was left"
DAMAGED = "Bytes on disk are damaged and will be fetched again"
#: What was written is not there any more.
NOT_KEPT = "What was written did not reach the disk"

#: It passes through because it saw that there is no room, or because it was told.
NO_ROOM = "there is no room below the limit"
STORE_REFUSES = "The store takes no bytes"
ROOM_NOT_GIVEN_BACK = "Room could not be given back"
EVICTION_FAILED = "Eviction failed"
TOO_LARGE = "larger than it should be"
NO_HOLES = "cannot punch holes"
DISK_SLOW = "The disk is slow"

#: Of a request, a response from some byte on, or a part of one.
PAST_STORE = (
    "A request is passed through", "A response goes on past the store",
    "A part of a response goes past the store")

ORIGIN_FAILS = "An origin fails"

#: Responses are under way still.
STOPPING = "Stopping; a second SIGTERM or Ctrl-C ends the server at once"
