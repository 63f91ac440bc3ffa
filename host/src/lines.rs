//! Log lines, written by a thread of their own: whoever logs, a guest above all, waits for no terminal, pipe or disk.
//!
//! Bounds: 4,096 lines wait; a further one is dropped, counted in `fleetwright_log_lines_lost_total`, and told of in the
//! log once there is room. What waits when the process ends is written first, for a second at most.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// Lines that wait at most.
const WAITING: usize = 4096;
/// Bytes that are written at once, where so many wait.
const AT_ONCE: usize = 64 << 10;
/// The longest that the end of the process waits for its last lines.
const LAST: Duration = Duration::from_secs(1);

/// Where lines go. Cheap to clone.
#[derive(Clone)]
pub struct Lines {
    sender: SyncSender<Entry>,
    count: Arc<Count>,
}

#[derive(Default)]
struct Count {
    taken: AtomicU64,
    written: AtomicU64,
    lost: AtomicU64,
}

enum Entry {
    Line(Vec<u8>),
    /// All lines before it are to be written; then whoever asked is told.
    End(SyncSender<()>),
}

impl Lines {
    /// Starts the thread that writes to `output`.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn start(output: impl Write + Send + 'static) -> io::Result<Lines> {
        let (sender, lines) = sync_channel(WAITING);
        let count = Arc::<Count>::default();
        let own = Arc::clone(&count);
        thread::Builder::new()
            .name("log".into())
            .spawn(move || write(output, &lines, &own))?;
        Ok(Lines { sender, count })
    }

    /// Lines that are taken and not written yet.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        let written = self.count.written.load(Ordering::Acquire);
        let taken = self.count.taken.load(Ordering::Acquire);
        taken.saturating_sub(written)
    }

    /// Lines that were dropped since the start.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.count.lost.load(Ordering::Relaxed)
    }

    /// Waits until what was logged so far is written, for [`LAST`] at most.
    pub fn finish(&self) {
        let (told, end) = sync_channel(1);
        // Where the queue is full or the thread is gone there is nothing to wait for that a second would mend.
        if self.sender.try_send(Entry::End(told)).is_ok() {
            end.recv_timeout(LAST).unwrap_or_default();
        }
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = &'a Lines;

    fn make_writer(&'a self) -> &'a Lines {
        self
    }
}

/// Each write is one whole line.
impl Write for &Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.count.taken.fetch_add(1, Ordering::AcqRel);
        match self.sender.try_send(Entry::Line(line.to_vec())) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.count.written.fetch_add(1, Ordering::AcqRel);
                self.count.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes what comes until nobody logs any more, as much at once as there is.
fn write(mut output: impl Write, lines: &Receiver<Entry>, count: &Count) {
    let mut told = 0;
    while let Ok(entry) = lines.recv() {
        let mut text = Vec::new();
        let mut ends = Vec::new();
        let mut taken = 0;
        let mut next = Some(entry);
        while let Some(entry) = next {
            match entry {
                Entry::Line(line) => {
                    text.extend(line);
                    taken += 1;
                }
                Entry::End(end) => ends.push(end),
            }
            next = match text.len() < AT_ONCE {
                true => lines.try_recv().ok(),
                false => None,
            };
        }
        let lost = count.lost.load(Ordering::Relaxed);
        if lost > told {
            let line = format!("{} log lines were lost: too many at once\n", lost - told);
            text.extend(line.into_bytes());
            told = lost;
        }
        // Where this cannot be written there is nobody to tell.
        output
            .write_all(&text)
            .and_then(|()| output.flush())
            .unwrap_or_default();
        count.written.fetch_add(taken, Ordering::AcqRel);
        for end in ends {
            // Whoever asked may have stopped waiting.
            end.try_send(()).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Barrier, Mutex};

    use super::*;

    /// What was written, once it is let through.
    #[derive(Clone)]
    struct Slow(Arc<Mutex<Vec<u8>>>, Arc<Barrier>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut written = self.0.lock().unwrap();
            if written.is_empty() {
                self.1.wait();
                self.1.wait();
            }
            written.extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn nobody_waits_for_a_reader_that_stands_still_and_what_is_lost_is_told() {
        let output = Slow(Arc::default(), Arc::new(Barrier::new(2)));
        let lines = Lines::start(output.clone()).unwrap();
        (&lines).write_all(b"first\n").unwrap();
        // The thread stands in its first write.
        output.1.wait();
        for _ in 0..WAITING + 7 {
            (&lines).write_all(b"line\n").unwrap();
        }
        assert_eq!(lines.lost(), 7);
        output.1.wait();
        while lines.waiting() > 0 {
            thread::yield_now();
        }
        lines.finish();
        let written = String::from_utf8(output.0.lock().unwrap().clone()).unwrap();
        assert_eq!(written.matches("line\n").count(), WAITING);
        assert!(written.contains("7 log lines were lost"), "{written}");
    }
}
