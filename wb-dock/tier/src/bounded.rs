use std::io;
use std::process::{Child, Command, Output};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// Has `child` killed unless it ends within `limit`.
///
/// # Errors
///
/// When the system cannot watch it; it is killed then.
pub(crate) fn end_after(child: &mut Child, limit: Duration) -> io::Result<()> {
    let process = match pidfd_open(Pid::from_child(child), PidfdFlags::empty()) {
        Ok(process) => process,
        Err(error) => {
            child.kill()?;
            return Err(error.into());
        }
    };
    let limit = Timespec::try_from(limit).map_err(|_| io::ErrorKind::InvalidInput)?;
    std::thread::spawn(move || {
        // Readable once it has ended, and never another process by the same number.
        let mut ended = [PollFd::new(&process, PollFlags::IN)];
        loop {
            match poll(&mut ended, Some(&limit)) {
                Err(Errno::INTR) => {}
                Ok(0) => {
                    let _ = pidfd_send_signal(&process, Signal::KILL);
                    return;
                }
                _ => return,
            }
        }
    });
    Ok(())
}

/// What `command` writes to the streams that are pipes, and how it ends: after `limit`
/// by force.
///
/// # Errors
///
/// When it cannot be started or watched.
pub(crate) fn output_within(command: &mut Command, limit: Duration) -> io::Result<Output> {
    let mut child = command.spawn()?;
    end_after(&mut child, limit)?;
    child.wait_with_output()
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::Stdio;
    use std::time::Instant;

    use super::*;

    #[test]
    fn what_takes_too_long_is_ended() {
        let started = Instant::now();
        let mut sleeps = Command::new("sleep");
        sleeps.arg("60").stdout(Stdio::piped());
        let ended = output_within(&mut sleeps, Duration::from_millis(50)).unwrap();
        assert_eq!(ended.status.signal(), Some(9));
        assert!(started.elapsed() < Duration::from_secs(30));
        let mut echoes = Command::new("echo");
        echoes.arg("text").stdout(Stdio::piped());
        let ended = output_within(&mut echoes, Duration::from_secs(30)).unwrap();
        assert_eq!(ended.stdout, b"text\n");
    }
}
