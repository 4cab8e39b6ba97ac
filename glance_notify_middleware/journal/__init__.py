"""Storage: what is recorded, on disk, until every strategy has delivered it.

**What lies there.** Each process that records has a *journal*: files in `journal_dir` that are
named by its *journal identity*, 64 random bits. No other process appends to them.

* A *segment* is one file of a journal. Its unit is the *entry*: a header with a number, a clock
  and a checksum, and a body. One write(2) appends one entry.
* An *intent* is an entry that says that an operation is about to be given to Glance. It is open
  until an entry with the events of the operation, or the entry of an end without events, names its
  key.
* The *live file* shows that the process lives: the process holds its lock, and the kernel drops
  the lock when the process dies. It also holds the counters of the process.
* A *tally* is what one journal has recorded: the counters, and the entries since they were written.
* A *cursor* is the position up to which one strategy has delivered one journal. The leader saves
  all cursors in one file, cursors.json.

**Written when.** The thread of a request appends an intent before Glance gets the request,
progress while a download runs (every 64 MiB or 5 s), and the events when they are known, together
with the end of the intent. One lock, of the threads of this process, is held around that. A
segment is sealed when it is full (4 MiB, or its share of `journal_max_size`), or in time before
that by the thread that maintains the journal. The next segment
begins with its origin, copies of the open intents, and a mark: so a long download keeps no old
segment. Once a second a thread of its own maintains the journal: it measures the directory, takes
the lock of the live file again, makes again what somebody has removed, and writes the counters.

**Read when.** The leader, one process of the node, reads the journals of all processes from the
cursors on, merged by the clocks of their entries. An entry that is not whole at the end of a
living process's segment is read in a later pass.

**Removed when.** A segment goes when a later one exists and all saved cursors have passed it. The
files of a dead process go when all is delivered and its open intents are recorded as unknown
outcomes in the leader's own journal: first the counters go into totals.json; then the segments go;
last the live file. That is called settling (delivery/settling.py). Segments without a live file
count as those of a dead process after 3 s.

**What a crash leaves.** A process that dies leaves its files, with open intents and perhaps a torn
entry at the end. A damaged or torn entry is skipped, up to the next good one; the gap in the
numbers counts what is lost. A process that dies while it makes a file leaves *.new or *.tmp. A
process that begins to lead removes, once, those that are older than a minute. A leader that dies
before it has saved the cursors sends what it has sent again, with the same ids. A power
cut may take what was not synced: with `journal_sync = full` each event is synced before the answer
ends, otherwise the last moments can be lost. A living process that is taken for dead goes on under
a new identity, and records again what is not known to be delivered.

**The order in which to read.** The bytes: entries, clock, origin, checksummed. The directory:
files, layout, locks, fitness, ownership, destinations. The writing process: segment, live_file,
open_intents, segment_writer, writer (`Journal`), recorder, process_journals. Once a second:
health, capacity, maintenance, sealed, recovery, totals, reminders, threads, group_sync. The
reader: positions, chain, reader. What is counted: counters, tally, counting.
"""
