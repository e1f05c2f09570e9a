use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use wb_dock::{ErrorKind, Input, Outcome, Output, RemoteRun};
use wb_policy::{Exceeded, Resource};

use super::scratch::Scratch;
use crate::undo::Undo;

/// A binary under way.
pub(super) struct Running<'c> {
    child: Child,
    group: Pid,
    /// Kills it and everything it started that is not in a container, and waits for that.
    kill: Undo,
    /// Ends its container, if it is in one.
    container: Option<&'c Undo>,
    /// Its standard input once nothing more comes that is not at its end either: to
    /// close it would tell the binary that there is nothing more.
    unfinished: Arc<Mutex<Option<ChildStdin>>>,
}

/// What a thread that reads an output reports.
enum News {
    /// Bytes of standard output or, if true, standard error.
    Bytes(bool, Bytes),
    /// One of the two is over.
    End,
}

impl<'c> Running<'c> {
    /// Starts `command`, which leads a process group of its own and, if it starts a
    /// container, has this ended by `container`.
    pub(super) fn start(
        command: &mut Command,
        stdin: Input,
        container: Option<&'c Undo>,
    ) -> io::Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let group = Pid::from_child(&child);
        let kill = Undo::new(move || {
            let _ = kill_process_group(group, Signal::KILL);
            has_ended(group);
        })
        .inspect_err(|_| drop(child.wait()))?;
        let (ready, stream) = stdin.into_parts();
        let unfinished: Arc<Mutex<Option<ChildStdin>>> = Arc::default();
        if let Some(mut to) = child.stdin.take() {
            let unfinished = Arc::clone(&unfinished);
            // Ends with the pipe: who does not read it does not get it.
            std::thread::spawn(move || {
                let _ = to.write_all(&ready);
                if let Some(mut stream) = stream
                    && io::copy(&mut stream, &mut to).is_err()
                {
                    *unfinished.lock().unwrap_or_else(PoisonError::into_inner) = Some(to);
                }
            });
        }
        Ok(Self {
            child,
            group,
            kill,
            container,
            unfinished,
        })
    }

    /// Waits for its end, or ends it at its limits.
    ///
    /// # Errors
    ///
    /// The limit that it reached, or the signal that ended it, with what it had written.
    pub(super) fn finish(
        mut self,
        run: &RemoteRun,
        scratch: &Scratch,
        outputs: [Output; 2],
    ) -> Result<Outcome, wb_dock::Error> {
        // Bounded: who writes faster than anybody reads has to wait.
        let (sender, news) = sync_channel(16);
        let readers: [Option<Box<dyn Read + Send>>; 2] = [
            self.child.stdout.take().map(|out| Box::new(out) as Box<_>),
            self.child.stderr.take().map(|err| Box::new(err) as Box<_>),
        ];
        let unread = Arc::new([AtomicBool::new(false), AtomicBool::new(false)]);
        for (is_stderr, reader) in [false, true].into_iter().zip(readers) {
            let (sender, mut reader) = (sender.clone(), reader.expect("it was asked for"));
            let unread = Arc::clone(&unread);
            std::thread::spawn(move || {
                let mut buffer = vec![0; 1 << 16];
                while let Ok(count @ 1..) = reader.read(&mut buffer) {
                    let bytes = Bytes::copy_from_slice(&buffer[..count]);
                    let is_over = unread[usize::from(is_stderr)].load(Ordering::Relaxed);
                    if is_over || sender.send(News::Bytes(is_stderr, bytes)).is_err() {
                        break;
                    }
                }
                // With the pipe goes whoever goes on writing, as in a shell.
                drop(reader);
                let _ = sender.send(News::End);
            });
        }
        drop(sender);
        // Nobody may be looking here while an output waits for its reader.
        let watch = Watch {
            scratch,
            memory: run.limits().memory,
            deadline: Instant::now().checked_add(run.time_left()),
            reached: OnceLock::new(),
        };
        let collected = std::thread::scope(|scope| {
            let (over, is_over) = channel::<()>();
            scope.spawn(|| {
                let is_over = is_over;
                if watch.until(&is_over) {
                    self.kill();
                }
            });
            let collected = watch.collect(run, &news, &unread, outputs);
            if watch.reached.get().is_none() {
                has_ended(self.group);
            }
            drop(over);
            collected
        });
        let stopped = watch.exceeded(run);
        let is_alone = self.container.is_none();
        let ended = self.end();
        let mut outcome = Outcome::default();
        let [stdout, stderr] = collected;
        outcome.stdout = stdout.into();
        outcome.stderr = stderr.into();
        outcome.cpu = ended.as_ref().map(|ended| ended.cpu);
        // In a container it is the client of a runtime that was waited for.
        let known = ended.as_ref().filter(|_| is_alone);
        let memory = known.and_then(|ended| ended.memory).unwrap_or(0);
        // What it had beyond its limit, which holds for address space and is above this
        // one, is told and not charged: it has done its work by now.
        outcome.usage.memory_peak = memory.min(run.limits().memory);
        if let Some(exceeded) = stopped {
            return Err(wb_dock::Error::from(exceeded).with_outcome(outcome));
        }
        let command = || run.name().to_owned();
        match ended.map(|ended| (ended.status.code(), ended.status.signal())) {
            Some((Some(code), _)) => {
                outcome.exit_code = code;
                Ok(outcome)
            }
            Some((None, Some(signal))) => Err(wb_dock::Error::from(ErrorKind::Trap {
                command: command(),
                message: format!("signal {signal} ended it"),
            })
            .with_outcome(outcome)),
            _ => Err(wb_dock::Error::from(ErrorKind::Trap {
                command: command(),
                message: "nobody knows how it ended".to_owned(),
            })
            .with_outcome(outcome)),
        }
    }

    /// Kills it and everything it started.
    fn kill(&self) {
        self.kill.now();
        if let Some(container) = self.container {
            container.now();
        }
    }

    /// Ends it and everything it started, if they have not ended yet.
    fn end(self) -> Option<Ended> {
        self.kill.now();
        let ended = Ended::of(self.group);
        let unfinished = self.unfinished.lock();
        drop(unfinished.unwrap_or_else(PoisonError::into_inner).take());
        ended
    }
}

/// Waits until a child has ended. It stays a zombie, so that nobody else gets its number
/// before it is waited for.
fn has_ended(child: Pid) {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    while matches!(waitid(WaitId::Pid(child), options), Err(Errno::INTR)) {}
}

/// How often the scratch directory is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Sees to the end of a run that reaches its limits.
struct Watch<'r> {
    scratch: &'r Scratch,
    memory: u64,
    /// None if it is further away than clocks count.
    deadline: Option<Instant>,
    reached: OnceLock<Reached>,
}

/// What a run may reach.
enum Reached {
    /// The end of its time.
    Time,
    /// More bytes in its scratch directory than it may have in memory: so many more.
    Room(u64),
    /// As much output as it may write.
    Output(Exceeded),
}

impl Watch<'_> {
    fn time_left(&self) -> Duration {
        let left = |deadline: Instant| deadline.saturating_duration_since(Instant::now());
        self.deadline.map_or(Duration::MAX, left)
    }

    /// Looks at time and scratch directory until the run `is_over`, or says that it has
    /// to end.
    fn until(&self, is_over: &Receiver<()>) -> bool {
        let pause = || self.time_left().min(LOOK);
        while is_over.recv_timeout(pause()) == Err(RecvTimeoutError::Timeout) {
            if self.time_left().is_zero() {
                let _ = self.reached.set(Reached::Time);
            } else {
                let over = self.scratch.over(self.memory);
                if over > 0 {
                    let _ = self.reached.set(Reached::Room(over));
                }
            }
            if self.reached.get().is_some() {
                return true;
            }
        }
        false
    }

    /// Passes on what is written until both outputs are over, and keeps what nobody
    /// takes.
    fn collect(
        &self,
        run: &RemoteRun,
        news: &Receiver<News>,
        unread: &[AtomicBool; 2],
        outputs: [Output; 2],
    ) -> [Vec<u8>; 2] {
        let mut streams = outputs.map(Output::into_stream);
        let mut collected = [Vec::new(), Vec::new()];
        let mut open = 2;
        while open > 0 && self.reached.get().is_none() {
            match news.recv_timeout(LOOK) {
                Ok(News::End) => open -= 1,
                Ok(News::Bytes(is_stderr, bytes)) => {
                    if let Err(exceeded) = run.charge(Resource::Output, bytes.len() as u64) {
                        let _ = self.reached.set(Reached::Output(exceeded));
                    }
                    let which = usize::from(is_stderr);
                    match &mut streams[which] {
                        Some(stream) => {
                            let written = stream.write_all(&bytes).and_then(|()| stream.flush());
                            if written.is_err() {
                                unread[which].store(true, Ordering::Relaxed);
                            }
                        }
                        None => collected[which].extend_from_slice(&bytes),
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => open = 0,
            }
        }
        collected
    }

    /// The limit that was reached, in the words of `run`.
    fn exceeded(self, run: &RemoteRun) -> Option<Exceeded> {
        Some(match self.reached.into_inner()? {
            Reached::Time => run.out_of_time(),
            Reached::Output(exceeded) => exceeded,
            Reached::Room(over) => Exceeded {
                resource: Resource::Memory,
                limit: self.memory,
                asked: over,
                by: run.name().into(),
            },
        })
    }
}

/// How a binary ended.
struct Ended {
    status: ExitStatus,
    /// Processor time, with that of what it started and waited for: in a container
    /// also that of the runtime.
    cpu: Duration,
    /// The most bytes that one of these had in memory, if it is known.
    memory: Option<u64>,
}

impl Ended {
    /// Waits for the end of a child, which has to be ours and waited for here alone.
    fn of(child: Pid) -> Option<Self> {
        let mut status = 0;
        let pid = child.as_raw_nonzero().get();
        #[expect(unsafe_code, reason = "no library says what a child has used")]
        // SAFETY: all pointers are to values of our own that outlive the calls; all
        // zeros is a value of `rusage`, which is made of numbers.
        let (found, used, ours) = unsafe {
            let mut used: libc::rusage = std::mem::zeroed();
            let mut ours: libc::rusage = std::mem::zeroed();
            let found = loop {
                let found = libc::wait4(pid, &raw mut status, 0, &raw mut used);
                if found != -1 || io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
                    break found;
                }
            };
            libc::getrusage(libc::RUSAGE_SELF, &raw mut ours);
            (found, used, ours)
        };
        let unsigned = |number: i64| u64::try_from(number).unwrap_or_default();
        let time = |time: libc::timeval| {
            Duration::from_secs(unsigned(time.tv_sec))
                + Duration::from_micros(unsigned(time.tv_usec))
        };
        // A process starts with the peak of the one that it comes from, which is this
        // one: only what is more is its own. Linux counts in kibibytes.
        let is_own = used.ru_maxrss > ours.ru_maxrss;
        (found == pid).then(|| Self {
            status: ExitStatus::from_raw(status),
            cpu: time(used.ru_utime) + time(used.ru_stime),
            memory: is_own.then(|| unsigned(used.ru_maxrss).saturating_mul(1024)),
        })
    }
}
