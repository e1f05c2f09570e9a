//! Guests written as a list of calls, and what each call answered. Knows nothing of hosts:
//! the tests of the Dock write their guests with it too.

use std::collections::BTreeMap;
use std::fmt::Write;

/// Where the bytes of arguments begin; below is what the guest needs for itself.
const DATA: usize = 0x20000;
/// Where a stream of the reply goes on its way out, and how much of it.
const COPY: usize = 0x10000;
const COPIED: usize = 0x10000;
/// Where functions of preview 1 put their results, up to [`COPY`].
pub(crate) const OUT: u32 = 0x1000;
/// Where the buffers of [`Arg::Room`] lie, after room for a count.
pub(crate) const BUFFER: u32 = OUT + 16;
/// What lay at [`OUT`] before the call, so that one call can use what another answered.
const BEFORE: u32 = 0x800;
const BEFORE_LEN: u32 = 0x400;
/// Numbers that a guest keeps for later calls, four bytes each.
pub(crate) const KEPT: u32 = 0x400;

/// An argument of a call.
#[derive(Clone)]
pub(crate) enum Arg {
    Number(i64),
    /// An `i64`.
    Long(i64),
    /// The number at a place in memory.
    Kept(u32),
    /// The `i64` that lay so far into the results of the call before.
    Before(u32),
    /// Bytes in memory, passed as place and length.
    Bytes(Vec<u8>),
    /// Bytes in memory, passed as their place alone.
    Placed(Vec<u8>),
    /// So many zeros, passed as place and length.
    Zeros(usize),
    /// A place and a length as they are.
    At(u32, u32),
    /// So many bytes of room, to be filled: passed as a vector of one buffer and its count.
    Room(u32),
    /// Bytes to be written: passed as a vector of one buffer and its count.
    Vector(Vec<u8>),
}

impl From<i64> for Arg {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<i32> for Arg {
    fn from(number: i32) -> Self {
        Self::Number(number.into())
    }
}

impl From<u32> for Arg {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<&str> for Arg {
    fn from(text: &str) -> Self {
        Self::Bytes(text.into())
    }
}

impl From<String> for Arg {
    fn from(text: String) -> Self {
        Self::Bytes(text.into())
    }
}

impl From<&[u8]> for Arg {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.into())
    }
}

/// A command that makes calls, one after the other.
#[derive(Clone, Default)]
pub(crate) struct Script {
    imports: BTreeMap<(String, String), String>,
    data: String,
    end: usize,
    body: String,
}

/// What one call answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) number: i32,
    pub(crate) message: String,
    pub(crate) value: Vec<u8>,
    pub(crate) second: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.value).into_owned()
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
    /// Calls a function of the Dock: its answer is the status and what `wb:reply` has.
    pub(crate) fn call(
        mut self,
        module: &str,
        function: &str,
        args: impl IntoIterator<Item = Arg>,
    ) -> Self {
        let passed = self.pass(module, function, args);
        writeln!(
            self.body,
            "(call $report (call ${module}.{function} {passed}))"
        )
        .expect("strings grow");
        self
    }

    /// Calls a function of preview 1: its answer is the error number and the `len` bytes
    /// at `place`, cleared before.
    pub(crate) fn wasi(
        mut self,
        function: &str,
        args: impl IntoIterator<Item = Arg>,
        (place, len): (u32, u32),
    ) -> Self {
        let module = "wasi_snapshot_preview1";
        let passed = self.pass(module, function, args);
        writeln!(
            self.body,
            "(memory.copy (i32.const {BEFORE}) (i32.const {OUT}) (i32.const {BEFORE_LEN}))
             (memory.fill (i32.const {place}) (i32.const 0) (i32.const {len}))
             (call $report_memory (call ${module}.{function} {passed})
               (i32.const {place}) (i32.const {len}))"
        )
        .expect("strings grow");
        self
    }

    /// Puts the arguments where they belong; the operands of the call.
    fn pass(
        &mut self,
        module: &str,
        function: &str,
        args: impl IntoIterator<Item = Arg>,
    ) -> String {
        let (mut passed, mut types) = (String::new(), String::new());
        for arg in args {
            for (ty, operand) in self.operands(arg) {
                types.extend([ty, " "]);
                passed.extend([&*operand, " "]);
            }
        }
        self.imports
            .insert((module.to_owned(), function.to_owned()), types);
        passed
    }

    /// The numbers that an argument is passed as: their types, and where they come from.
    fn operands(&mut self, arg: Arg) -> Vec<(&'static str, String)> {
        // Pointers above 2 GiB are the same bits as negative numbers.
        let number = |number: i64| ("i32", format!("(i32.const {})", number as i32));
        let place = |place: u32| number(place.into());
        let both = |at: u32, len: usize| vec![place(at), place(len as u32)];
        let vector = |at: u32, len: u32| [at.to_le_bytes(), len.to_le_bytes()].concat();
        match arg {
            Arg::Number(value) => vec![number(value)],
            Arg::Long(value) => vec![("i64", format!("(i64.const {value})"))],
            Arg::Kept(at) => vec![("i32", format!("(i32.load (i32.const {at}))"))],
            Arg::Before(offset) => {
                let at = BEFORE + offset;
                vec![("i64", format!("(i64.load (i32.const {at}))"))]
            }
            Arg::At(ptr, len) => vec![place(ptr), place(len)],
            Arg::Bytes(bytes) => both(self.place(&bytes), bytes.len()),
            Arg::Placed(bytes) => vec![place(self.place(&bytes))],
            Arg::Zeros(len) => both(self.room(len), len),
            Arg::Room(len) => vec![place(self.place(&vector(BUFFER, len))), place(1)],
            Arg::Vector(bytes) => {
                let at = self.place(&bytes);
                let vector = vector(at, bytes.len() as u32);
                vec![place(self.place(&vector)), place(1)]
            }
        }
    }

    fn place(&mut self, bytes: &[u8]) -> u32 {
        let ptr = self.room(bytes.len());
        let text = bytes.iter().fold(String::new(), |mut text, byte| {
            write!(text, "\\{byte:02x}").expect("strings grow");
            text
        });
        writeln!(self.data, "(data (i32.const {ptr}) \"{text}\")").expect("strings grow");
        ptr
    }

    fn room(&mut self, len: usize) -> u32 {
        let ptr = DATA + self.end;
        // Vectors must be aligned.
        self.end = (self.end + len).next_multiple_of(8);
        ptr as u32
    }

    /// Makes all the calls two times.
    pub(crate) fn twice(mut self) -> Self {
        self.body = self.body.repeat(2);
        self
    }

    /// Makes all the calls over and over, and reports nothing.
    pub(crate) fn forever(mut self) -> Self {
        self.body = format!(
            "(loop $again {} (br $again))",
            self.body.replace("$report", "$drop")
        );
        self
    }

    /// The guest that makes the calls.
    pub(crate) fn wasm(&self) -> Vec<u8> {
        let mut imports = String::new();
        for ((module, function), params) in &self.imports {
            // These are imported for the report.
            if (&**module, &**function) == ("wasi_snapshot_preview1", "fd_write") {
                continue;
            }
            writeln!(
                imports,
                r#"(import "{module}" "{function}"
                     (func ${module}.{function} (param {params}) (result i32)))"#
            )
            .expect("strings grow");
        }
        let pages = (DATA + self.end).div_ceil(0x10000) + 1;
        let (data, body) = (&self.data, &self.body);
        let text = format!(
            r#"(module
                 {imports}
                 (import "wb:reply" "len" (func $len (param i32) (result i32)))
                 (import "wb:reply" "read" (func $read (param i32 i32 i32 i32) (result i32)))
                 (import "wasi_snapshot_preview1" "fd_write"
                   (func $wasi_snapshot_preview1.fd_write (param i32 i32 i32 i32) (result i32)))
                 (memory (export "memory") {pages})
                 {data}
                 (func $drop (param i32))
                 (func $write (param $ptr i32) (param $len i32)
                   (i32.store (i32.const 0) (local.get $ptr))
                   (i32.store (i32.const 4) (local.get $len))
                   (if (call $wasi_snapshot_preview1.fd_write
                         (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))
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
                 (func $report_memory (param $errno i32) (param $ptr i32) (param $len i32)
                   (call $number (local.get $errno))
                   (call $number (i32.const 0))
                   (call $number (local.get $len))
                   (call $write (local.get $ptr) (local.get $len))
                   (call $number (i32.const 0)))
                 (func (export "_start") {body}))"#
        );
        wat::parse_str(text).expect("scripts are written as valid text")
    }
}

/// The answers that a script wrote; none when they are cut short.
pub(crate) fn answers(mut written: &[u8]) -> Option<Vec<Answer>> {
    let mut answers = Vec::new();
    while !written.is_empty() {
        answers.push(Answer {
            number: number(&mut written)?,
            message: String::from_utf8_lossy(stream(&mut written)?).into_owned(),
            value: stream(&mut written)?.to_vec(),
            second: stream(&mut written)?.to_vec(),
        });
    }
    Some(answers)
}

fn number(from: &mut &[u8]) -> Option<i32> {
    let (number, rest) = from.split_first_chunk()?;
    *from = rest;
    Some(i32::from_le_bytes(*number))
}

fn stream<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = number(from)?.try_into().ok()?;
    let (stream, rest) = from.split_at_checked(len)?;
    *from = rest;
    Some(stream)
}
