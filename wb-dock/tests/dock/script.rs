//! Guests written as a list of calls, and what each call answered.

use std::collections::BTreeMap;
use std::fmt::Write;

use wb_dock::{Engine, Error, Grant, Invocation, Outcome, Program, Services};

/// Where the arguments begin; below is what the guest needs for itself.
const DATA: usize = 0x20000;
/// Where a stream of the reply goes on its way out, and how much of it.
const COPY: usize = 0x10000;
const COPIED: usize = 0x10000;

/// An argument of a call.
pub(crate) enum Arg {
    Number(i64),
    /// Bytes in memory, passed as place and length.
    Bytes(Vec<u8>),
    /// So many zeros, passed as place and length.
    Zeros(usize),
    /// A place and a length as they are.
    At(u32, u32),
}

impl From<i64> for Arg {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Arg {
    fn from(text: &str) -> Self {
        Self::Bytes(text.into())
    }
}

impl From<&[u8]> for Arg {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.into())
    }
}

/// A command that makes calls, one after the other.
#[derive(Default)]
pub(crate) struct Script {
    imports: BTreeMap<(String, String), usize>,
    data: String,
    end: usize,
    body: String,
}

/// What one call answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) number: i32,
    pub(crate) message: String,
    pub(crate) value: Vec<u8>,
    pub(crate) second: Vec<u8>,
}

impl Answer {
    pub(crate) fn value(&self) -> &str {
        std::str::from_utf8(&self.value).unwrap()
    }

    /// The status and the message of a call that failed.
    pub(crate) fn failure(&self) -> (i32, &str) {
        assert!(self.number < 0, "{self:?}");
        (self.number, &self.message)
    }
}

/// Calls `function` of `module` with the arguments.
macro_rules! calls {
    ($($module:literal $function:ident ($($arg:expr),*);)*) => {
        $crate::script::Script::default()
            $(.call($module, stringify!($function), [$($crate::script::Arg::from($arg)),*]))*
    };
}
pub(crate) use calls;

impl Script {
    pub(crate) fn call<const N: usize>(
        mut self,
        module: &str,
        function: &str,
        args: [Arg; N],
    ) -> Self {
        let mut passed = Vec::new();
        for arg in args {
            match arg {
                Arg::Number(number) => passed.push(number),
                Arg::At(ptr, len) => passed.extend([i64::from(ptr), i64::from(len)]),
                Arg::Bytes(bytes) => {
                    let ptr = DATA + self.end;
                    let text = bytes.iter().fold(String::new(), |mut text, byte| {
                        write!(text, "\\{byte:02x}").unwrap();
                        text
                    });
                    writeln!(self.data, "(data (i32.const {ptr}) \"{text}\")").unwrap();
                    self.end += bytes.len();
                    passed.extend([i64::from(ptr as u32), i64::from(bytes.len() as u32)]);
                }
                Arg::Zeros(len) => {
                    passed.extend([i64::from((DATA + self.end) as u32), i64::from(len as u32)]);
                    self.end += len;
                }
            }
        }
        let key = (module.to_owned(), function.to_owned());
        let args = passed.iter().map(|arg| format!("(i32.const {arg})"));
        let args: Vec<String> = args.collect();
        self.imports.insert(key, passed.len());
        writeln!(
            self.body,
            "(call $report (call ${module}.{function} {}))",
            args.join(" ")
        )
        .unwrap();
        self
    }

    /// Makes all the calls two times.
    pub(crate) fn twice(mut self) -> Self {
        self.body = self.body.repeat(2);
        self
    }

    /// Makes all the calls over and over.
    pub(crate) fn forever(mut self) -> Self {
        self.body = format!(
            "(loop $again {} (br $again))",
            self.body.replace("$report", "$drop")
        );
        self
    }

    pub(crate) fn program(&self, engine: &Engine) -> Program {
        engine.load(&self.wasm()).unwrap()
    }

    pub(crate) fn wasm(&self) -> Vec<u8> {
        let mut imports = String::new();
        for ((module, function), params) in &self.imports {
            let params = "i32 ".repeat(*params);
            writeln!(
                imports,
                r#"(import "{module}" "{function}"
                     (func ${module}.{function} (param {params}) (result i32)))"#
            )
            .unwrap();
        }
        let pages = (DATA + self.end).div_ceil(0x10000) + 1;
        let (data, body) = (&self.data, &self.body);
        let text = format!(
            r#"(module
                 {imports}
                 (import "wb:reply" "len" (func $len (param i32) (result i32)))
                 (import "wb:reply" "read" (func $read (param i32 i32 i32 i32) (result i32)))
                 (import "wasi_snapshot_preview1" "fd_write"
                   (func $fd_write (param i32 i32 i32 i32) (result i32)))
                 (memory (export "memory") {pages})
                 {data}
                 (func $drop (param i32))
                 (func $write (param $ptr i32) (param $len i32)
                   (i32.store (i32.const 0) (local.get $ptr))
                   (i32.store (i32.const 4) (local.get $len))
                   (if (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))
                     (then unreachable)))
                 (func $number (param i32)
                   (i32.store (i32.const 16) (local.get 0))
                   (call $write (i32.const 16) (i32.const 4)))
                 (func $stream (param $stream i32) (local $size i32)
                   (local.set $size (call $len (local.get $stream)))
                   (if (i32.gt_u (local.get $size) (i32.const {COPIED}))
                     (then (local.set $size (i32.const {COPIED}))))
                   (call $number (local.get $size))
                   (drop (call $read (local.get $stream) (i32.const 0) (i32.const {COPY})
                                     (local.get $size)))
                   (call $write (i32.const {COPY}) (local.get $size)))
                 (func $report (param i32)
                   (call $number (local.get 0))
                   (call $stream (i32.const 0))
                   (call $stream (i32.const 1))
                   (call $stream (i32.const 2)))
                 (func (export "_start") {body}))"#
        );
        wat::parse_str(text).unwrap()
    }

    /// Runs the script as `guest`.
    pub(crate) fn try_run(&self, grant: &Grant, services: &Services) -> Result<Outcome, Error> {
        let program = self.program(&Engine::new().unwrap());
        program
            .admit(grant, services)?
            .run(Invocation::new("guest"))
    }

    /// Runs the script to its end, and returns the answers.
    pub(crate) fn run(&self, grant: &Grant, services: &Services) -> Vec<Answer> {
        answers(&self.try_run(grant, services).unwrap().stdout)
    }
}

/// The answers that a script wrote.
pub(crate) fn answers(mut written: &[u8]) -> Vec<Answer> {
    fn number(from: &mut &[u8]) -> i32 {
        let (number, rest) = from.split_first_chunk().unwrap();
        *from = rest;
        i32::from_le_bytes(*number)
    }
    fn stream(from: &mut &[u8]) -> Vec<u8> {
        let len = number(from).try_into().unwrap();
        let (stream, rest) = from.split_at(len);
        *from = rest;
        stream.to_vec()
    }
    let mut answers = Vec::new();
    while !written.is_empty() {
        answers.push(Answer {
            number: number(&mut written),
            message: String::from_utf8(stream(&mut written)).unwrap(),
            value: stream(&mut written),
            second: stream(&mut written),
        });
    }
    answers
}
