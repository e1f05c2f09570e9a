use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::atomic::{self, Mode};

/// `_steps.jsonl`: one line for every command that ran.
///
/// A line goes out in one write under a lock on the file, so lines of several
/// processes do not mix, and a kill can cost the last line only. A line that was
/// cut short is closed by the next writer.
#[derive(Debug)]
pub struct StepsLog {
    path: PathBuf,
}

impl StepsLog {
    /// The log at `path`, which is made with its first line.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends one line; `line` holds no newline.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn append(&self, line: &str) -> io::Result<()> {
        let mut file = match open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                atomic::create_dir(self.path.parent().unwrap_or(Path::new(".")), Mode::Private)?;
                open(&self.path)?
            }
            other => other?,
        };
        // Released when the file is closed. Without it a writer could take the
        // half of a line that another is just writing for one cut short.
        file.lock()?;
        let mut text = String::with_capacity(line.len() + 2);
        if ends_inside_a_line(&file)? {
            text.push('\n');
        }
        text.push_str(line);
        text.push('\n');
        file.write_all(text.as_bytes())
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Whether a writer was killed, or the disk full, in the middle of the last line.
fn ends_inside_a_line(file: &File) -> io::Result<bool> {
    let length = file.metadata()?.len();
    if length == 0 {
        return Ok(false);
    }
    let mut last = [0];
    #[cfg(unix)]
    std::os::unix::fs::FileExt::read_exact_at(file, &mut last, length - 1)?;
    #[cfg(not(unix))]
    {
        use std::io::{Read as _, Seek as _};
        let mut file = file;
        file.seek(io::SeekFrom::Start(length - 1))?;
        file.read_exact(&mut last)?;
    }
    Ok(last != [b'\n'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_many_writers_stay_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("runs/_steps.jsonl");
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let log = StepsLog::at(&path);
                scope.spawn(move || {
                    let line = format!("{{\"writer\":{writer},\"text\":\"{}\"}}", "x".repeat(500));
                    for _ in 0..50 {
                        log.append(&line).unwrap();
                    }
                });
            }
        });
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 200);
    }

    #[test]
    fn a_line_cut_short_costs_only_itself() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("_steps.jsonl");
        std::fs::write(&path, "{\"tool\":\"comm").unwrap();
        StepsLog::at(&path).append("{}").unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "{\"tool\":\"comm\n{}\n");
    }
}
