use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use wb_dock::{ErrorKind, Input, Outcome, Output, RemoteRun};
use wb_policy::{Exceeded, Resource};

use super::scratch::Scratch;

/// A binary under way.
pub(super) struct Running {
    child: Child,
    group: Pid,
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

impl Running {
    pub(super) fn start(command: &mut Command, stdin: Input) -> io::Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let group = Pid::from_child(&child);
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
        let mut streams = outputs.map(Output::into_stream);
        let mut collected = [Vec::new(), Vec::new()];
        let mut open = 2;
        let mut stopped: Option<Exceeded> = None;
        let mut watch = Watch::new(run, scratch);
        while open > 0 && stopped.is_none() {
            match news.recv_timeout(run.time_left().min(LOOK)) {
                Ok(News::End) => open -= 1,
                Ok(News::Bytes(is_stderr, bytes)) => {
                    stopped = run.charge(Resource::Output, bytes.len() as u64).err();
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
            stopped = stopped.or_else(|| watch.exceeded());
        }
        if stopped.is_none() {
            stopped = self.wait(&mut watch);
        }
        let ended = self.end();
        let mut outcome = Outcome::default();
        let [stdout, stderr] = collected;
        outcome.stdout = stdout.into();
        outcome.stderr = stderr.into();
        outcome.cpu = ended.as_ref().map(|ended| ended.cpu);
        outcome.usage.memory_peak = ended.as_ref().map_or(0, |ended| ended.memory);
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

    /// Waits until it has ended, which it mostly has with its outputs, or its time is
    /// over.
    fn wait(&self, watch: &mut Watch<'_>) -> Option<Exceeded> {
        let mut pause = Duration::from_micros(100);
        // It stays a zombie, so that nobody else gets its number before `end`.
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        while let Ok(None) = waitid(WaitId::Pid(self.group), options) {
            let exceeded = watch.exceeded();
            if exceeded.is_some() {
                return exceeded;
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
        None
    }

    /// Ends it and everything it started, if they have not ended yet.
    fn end(self) -> Option<Ended> {
        let _ = kill_process_group(self.group, Signal::KILL);
        let ended = Ended::of(self.group);
        let unfinished = self.unfinished.lock();
        drop(unfinished.unwrap_or_else(PoisonError::into_inner).take());
        ended
    }
}

/// How often the scratch directory is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// What a run may reach while nobody asks: the end of its time, and as many bytes in
/// its scratch directory as it may have in memory.
struct Watch<'r> {
    run: &'r RemoteRun,
    scratch: &'r Scratch,
    looked: Instant,
}

impl<'r> Watch<'r> {
    fn new(run: &'r RemoteRun, scratch: &'r Scratch) -> Self {
        let looked = Instant::now();
        Self {
            run,
            scratch,
            looked,
        }
    }

    fn exceeded(&mut self) -> Option<Exceeded> {
        if self.run.time_left().is_zero() {
            return Some(self.run.out_of_time());
        }
        if self.looked.elapsed() < LOOK {
            return None;
        }
        let limit = self.run.grant().limits().memory;
        let over = self.scratch.over(limit);
        // Counted from the end of the look: long ones do not follow each other at once.
        self.looked = Instant::now();
        (over > 0).then(|| Exceeded {
            resource: Resource::Memory,
            limit,
            asked: over,
            by: self.run.name().into(),
        })
    }
}

/// How a binary ended.
struct Ended {
    status: ExitStatus,
    /// Processor time, with that of what it started and waited for: in a container
    /// also that of the runtime.
    cpu: Duration,
    /// The most bytes that one of these had in memory.
    memory: u64,
}

impl Ended {
    /// Waits for the end of a child, which has to be ours and waited for here alone.
    fn of(child: Pid) -> Option<Self> {
        let mut status = 0;
        let pid = child.as_raw_nonzero().get();
        #[expect(unsafe_code, reason = "no library says what a child has used")]
        // SAFETY: both pointers are to values of our own that outlive the call; all
        // zeros is a value of `rusage`, which is made of numbers.
        let (found, used) = unsafe {
            let mut used: libc::rusage = std::mem::zeroed();
            let found = libc::wait4(pid, &raw mut status, 0, &raw mut used);
            (found, used)
        };
        let unsigned = |number: i64| u64::try_from(number).unwrap_or_default();
        let time = |time: libc::timeval| {
            Duration::from_secs(unsigned(time.tv_sec))
                + Duration::from_micros(unsigned(time.tv_usec))
        };
        (found == pid).then(|| Self {
            status: ExitStatus::from_raw(status),
            cpu: time(used.ru_utime) + time(used.ru_stime),
            // Linux counts in kibibytes.
            memory: unsigned(used.ru_maxrss).saturating_mul(1024),
        })
    }
}
