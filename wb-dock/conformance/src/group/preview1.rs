//! WASI preview 1: what the cases of the public WASI test-suite cover, and some more, one file
//! a case in `preview1/`.
//!
//! A file has a sentence on what holds, an empty line, and then a call a line:
//!
//! ```text
//! A link to nothing is not followed, and taken for a link if it is not to be followed.
//!
//! path_symlink "nowhere" root "link"
//! path_open root "link" follow -> noent
//! path_open root "link" -> loop acces
//! path_open root "made" creat as f
//! fd_write f "text" : count=4
//! ```
//!
//! The words after the function are its arguments in the order of its witx file, without
//! pointers and lengths; flags come last. `as` names what is opened. After `->` are the error
//! numbers that will do, success where there are none; after `:` is what parts of the answer
//! must be, where `ino=?a` names what is seen first and must be the same everywhere after.
//! `for 400` before a call makes it so often, with a number in the place of each `#` in its
//! texts. `stdin`, `args` and `env` are what the guest is given. It finds a file `file` with
//! `content` in it, and a directory `dir` with a file `inner`.

use wb_dock::fs::{Image, Mount};
use wb_dock::{Grant, Invocation, Services};

use super::guest;
use super::run::answers;
use crate::case::{Case, Finding, Verdict, ended, holds, same};
use crate::host::Host;
use crate::script::Script;
use calls::Names;
use fields::{Fields, Seen};
use names::{Kind, errno, number_of};
use text::{Step, Word};

mod calls;
mod fields;
mod names;
mod text;

/// The cases in `preview1/`, with their text.
macro_rules! texts {
    ($($name:literal)*) => {
        &[$(($name, include_str!(concat!("../../preview1/", $name, ".txt")))),*]
    };
}

const TEXTS: &[(&str, &str)] = texts! {
    "args"
    "big-random-buffer"
    "clocks"
    "close-preopen"
    "dangling-fd"
    "dangling-symlink"
    "descriptors-that-are-none"
    "directory-operations"
    "directory-seek"
    "environment"
    "environment-empty"
    "fd-advise"
    "fd-allocate"
    "fd-filestat-set"
    "fd-flags"
    "fd-readdir"
    "fd-readdir-many"
    "fd-rights"
    "fdopendir"
    "file-seek-tell"
    "file-truncation"
    "file-unbuffered-write"
    "flags-of-times"
    "fopen"
    "interesting-paths"
    "isatty"
    "lseek-of-a-stream"
    "nofollow"
    "path-exists"
    "path-filestat"
    "path-link"
    "path-open-create-existing"
    "path-open-flags"
    "path-open-missing"
    "path-open-nonblock"
    "path-open-not-a-directory"
    "path-open-preopen"
    "path-open-read-write"
    "path-rename"
    "path-rename-over-a-link"
    "path-rename-trailing-slashes"
    "path-symlink"
    "path-symlink-trailing-slashes"
    "paths-lead-nowhere-else"
    "poll-clocks"
    "poll-nothing"
    "poll-streams"
    "pread-pwrite"
    "pwrite-append"
    "readlink"
    "remove-directory"
    "renumber"
    "renumber-over-preopen"
    "renumber-standard-streams"
    "sched-yield"
    "sockets-are-none"
    "standard-streams"
    "stat-dev-ino"
    "symlink-filestat"
    "symlink-loop"
    "sync"
    "truncation-rights"
    "unlink-file"
    "write-seek-read"
};

pub(crate) fn cases() -> Vec<Case> {
    let written = TEXTS.iter().map(|&(name, text)| {
        let about = text.split("\n\n").next().unwrap_or_default();
        let about = about.replace('\n', " ");
        Case::new("preview1", name, about, move |host| play(host, text))
    });
    let exits = Case::new(
        "preview1",
        "proc-exit",
        "a guest ends with the exit code that it names, and with 0 when it names none",
        |host| {
            for (wasm, code) in [(guest!("exits"), 33), (guest!("echo"), 0)] {
                let guest = Invocation::new("guest");
                let run = host.run(&wasm, &Grant::none(), &Services::default(), guest);
                same("the exit code", code, ended(run)?.exit_code)?;
            }
            Ok(())
        },
    );
    written.chain([exits]).collect()
}

/// The calls of a text, for a guest of another case.
pub(crate) fn script(text: &str) -> Script {
    let (_, steps) = text::read(text).expect("it is written like the cases in `preview1/`");
    compile(&steps).expect("it is written like the cases in `preview1/`")
}

fn compile(steps: &[Step<'_>]) -> Result<Script, String> {
    let mut names = Names::default();
    let mut steps = steps.iter();
    steps.try_fold(Script::default(), |script, step| {
        calls::add(script, &mut names, step)
    })
}

/// Makes the calls of a case on `host`, and holds the answers to what it says.
fn play(host: &dyn Host, text: &str) -> Verdict {
    let unreadable = |why: String| Finding::failed("a case that can be read", why);
    let (_, steps) = text::read(text).map_err(unreadable)?;
    let image = Image::from_files([("file", "content"), ("dir/inner", "inner")])
        .map_err(|error| Finding::failed("a tree of files", error.to_string()))?;
    let mut guest = Invocation::new("guest").mount(Mount::writable("/", image));
    let (given, steps): (Vec<_>, Vec<_>) = steps
        .into_iter()
        .partition(|step| matches!(step.function, "stdin" | "args" | "env"));
    for step in given {
        for word in step.args {
            let Word::Quoted(text) = word else {
                return Err(unreadable(step.line.to_owned()));
            };
            let text = String::from_utf8_lossy(&text).into_owned();
            guest = match (step.function, text.split_once('=')) {
                ("stdin", _) => guest.stdin(text),
                ("env", Some((name, value))) => guest.env(name, value),
                _ => guest.arg(text),
            };
        }
    }
    let wasm = compile(&steps).map_err(unreadable)?.wasm();
    let run = host.run(&wasm, &Grant::none(), &Services::default(), guest);
    let answers = answers(&ended(run)?.stdout)?;
    same("answers", steps.len(), answers.len())?;
    let mut seen = Seen::new();
    for (step, answer) in steps.iter().zip(&answers) {
        check(step, answer.number, &answer.value, &mut seen).map_err(|finding| match finding {
            Finding::Failed { expected, seen } => {
                Finding::failed(format!("`{}`: {expected}", step.line), seen)
            }
            skipped @ Finding::Skipped { .. } => skipped,
        })?;
    }
    Ok(())
}

fn check(step: &Step<'_>, number: i32, raw: &[u8], seen: &mut Seen) -> Verdict {
    let wanted: Vec<_> = step.errnos.iter().filter_map(Word::bare).collect();
    let mut numbers = step.errnos.iter().map(|word| number_of(Kind::Errno, word));
    let is_wanted = match step.errnos.len() {
        0 => number == 0,
        _ => numbers.any(|errno| errno == u32::try_from(number).ok()),
    };
    let expected = match wanted.len() {
        0 => "success".to_owned(),
        _ => wanted.join(" or "),
    };
    holds(is_wanted, &expected, errno(number))?;
    let fields = Fields::read(step.function, raw);
    let mut checks = step.checks.iter();
    checks.try_for_each(|check| fields.hold(check, seen))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_a_case_and_every_case_can_be_read() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/preview1");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let listed = TEXTS.iter().map(|(name, _)| format!("{name}.txt"));
        let mut listed: Vec<String> = listed.collect();
        listed.sort();
        assert_eq!(files, listed);
        for (name, text) in TEXTS {
            let (about, steps) = text::read(text).unwrap();
            assert!(about.ends_with('.'), "{name}: {about}");
            let calls = steps.into_iter();
            let calls: Vec<_> = calls
                .filter(|step| !matches!(step.function, "stdin" | "args" | "env"))
                .collect();
            compile(&calls).unwrap_or_else(|error| panic!("{name}: {error}"));
            for word in calls.iter().flat_map(|call| &call.errnos) {
                assert!(number_of(Kind::Errno, word).is_some(), "{name}: {word:?}");
            }
        }
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        for (text, why) in [
            ("A.\n\nfd_read root", "an argument is missing"),
            ("A.\n\nfd_close root 1", "is one too many"),
            ("A.\n\nfd_open root", "is not known here"),
            ("A.\n\npath_open root file", "a text in quotes was wanted"),
            ("A.\n\npath_open root \"file", "a quote is not closed"),
            ("A.\n\nfd_tell 1 : at", "a check has a relation"),
        ] {
            let read = text::read(text).and_then(|(_, steps)| compile(&steps).map(drop));
            let error = read.unwrap_err();
            assert!(error.ends_with(why), "{error}");
        }
    }
}
