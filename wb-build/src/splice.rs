//! Joins a JavaScript runtime and a compiled program into one command.
//!
//! Both come from `guest/js`: `jsrt.wasm` runs the program that its slot points
//! to, and `jsc.wasm` compiles sources to a *pack*. A module cannot read its own
//! custom sections, so the pack becomes a data segment above the runtime's
//! initial memory. Nothing of the pack but its header is looked at.
//!
//! The runtime imports every Dock function that JavaScript can reach, and an
//! import outside of the grant makes loading fail. So the ones that a program
//! does not use are taken out: the pack's header names the ones it does.
//!
//! ```no_run
//! # fn main() -> Result<(), wb_build::splice::SpliceError> {
//! # let (jsrt, pack) = (Vec::new(), Vec::new());
//! use wb_build::splice::{splice, wanted_imports, without_imports};
//!
//! let wanted = wanted_imports(&pack)?;
//! let runtime = without_imports(&jsrt, &wanted)?; // the same for every program with these imports
//! let command = splice(&runtime, &pack)?;
//! # Ok(())
//! # }
//! ```

use std::collections::BTreeSet;

use wasm_encoder::reencode::{self, Reencode, RoundtripReencoder, utils};
use wasm_encoder::{
    CodeSection, ConstExpr, Encode, ExportSection, Function, FunctionSection, ImportSection,
    MemorySection, Module, RawSection, SectionId,
};
use wasmparser::{
    CodeSectionReader, DataSectionReader, ExportSectionReader, ExternalKind, FunctionSectionReader,
    GlobalSectionReader, Import, ImportSectionReader, MemorySectionReader, Operator, Parser,
    Payload, TypeRef,
};

/// The global, exported by the runtime, with the address of its slot: two
/// little-endian `u32`, the pack's address and length.
const SLOT: &str = "wb_pack_slot";

/// How the names of all import modules of the Dock begin.
const DOCK: &str = "wb:";

/// The start of a pack, as `guest/js/pack.h` defines it.
const PACK_MAGIC: &[u8; 8] = b"WBJSPACK";

/// The one version of the pack format so far.
const PACK_VERSION: u32 = 1;

/// Bytes in a page of linear memory.
const PAGE: u64 = 64 * 1024;

/// Why a runtime and a pack could not be joined.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpliceError {
    /// The runtime is not a valid module.
    #[error("the runtime is not a valid module: {0}")]
    Malformed(String),
    /// The runtime is a module, but none that this can work with.
    #[error("the module cannot serve as a runtime: {0}")]
    NotARuntime(&'static str),
    /// The pack does not begin as a pack of the known version does.
    #[error("not a pack of version {PACK_VERSION}")]
    NotAPack,
    /// Runtime and pack together do not fit into the 4 GiB of a memory.
    #[error("a pack of {0} bytes does not fit into the memory of the runtime")]
    TooLarge(usize),
}

impl SpliceError {
    /// A stable word for programs, such as `splice/not-a-pack`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "splice/malformed-runtime",
            Self::NotARuntime(_) => "splice/not-a-runtime",
            Self::NotAPack => "splice/not-a-pack",
            Self::TooLarge(_) => "splice/too-large",
        }
    }
}

impl From<wasmparser::BinaryReaderError> for SpliceError {
    fn from(error: wasmparser::BinaryReaderError) -> Self {
        Self::Malformed(error.to_string())
    }
}

impl From<reencode::Error> for SpliceError {
    fn from(error: reencode::Error) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// Reads from a pack's header the Dock import modules that its program uses,
/// such as `wb:commands`.
///
/// # Errors
///
/// [`SpliceError::NotAPack`] if the header is damaged or of another version.
pub fn wanted_imports(pack: &[u8]) -> Result<BTreeSet<String>, SpliceError> {
    let mut rest = pack.strip_prefix(PACK_MAGIC).ok_or(SpliceError::NotAPack)?;
    if take_u32(&mut rest)? != PACK_VERSION {
        return Err(SpliceError::NotAPack);
    }
    let count = take_u32(&mut rest)?;
    let mut wanted = BTreeSet::new();
    for _ in 0..count {
        let len = take_u32(&mut rest)? as usize;
        let (name, after) = rest.split_at_checked(len).ok_or(SpliceError::NotAPack)?;
        let name = std::str::from_utf8(name).map_err(|_| SpliceError::NotAPack)?;
        wanted.insert(name.to_owned());
        rest = after;
    }
    Ok(wanted)
}

fn take_u32(rest: &mut &[u8]) -> Result<u32, SpliceError> {
    let (head, after) = rest.split_first_chunk::<4>().ok_or(SpliceError::NotAPack)?;
    *rest = after;
    Ok(u32::from_le_bytes(*head))
}

/// Takes out the imports of Dock modules that are not in `wanted`.
///
/// A function in the place of each traps when it is called, which nothing does
/// in a program that does not import it. Other imports stay.
///
/// # Errors
///
/// [`SpliceError::Malformed`] if `runtime` is not a valid module.
pub fn without_imports(runtime: &[u8], wanted: &BTreeSet<String>) -> Result<Vec<u8>, SpliceError> {
    let mut surgeon = ImportSurgeon::plan(runtime, wanted)?;
    if surgeon.stub_types.is_empty() {
        return Ok(runtime.to_vec());
    }
    let mut module = Module::new();
    surgeon.parse_core_module(&mut module, Parser::new(0), runtime)?;
    Ok(module.finish())
}

/// Reorders the first function indices: imports that stay, then a stub for each
/// that goes. There are as many as there were imports, so the index of every
/// function that the module defines is still right.
struct ImportSurgeon<'a> {
    wanted: &'a BTreeSet<String>,
    /// The new index of each imported function.
    moved: Vec<u32>,
    /// The type of each stub.
    stub_types: Vec<u32>,
}

impl<'a> ImportSurgeon<'a> {
    fn plan(runtime: &[u8], wanted: &'a BTreeSet<String>) -> Result<Self, SpliceError> {
        let mut surgeon = Self {
            wanted,
            moved: Vec::new(),
            stub_types: Vec::new(),
        };
        // For each imported function its type, and whether it goes.
        let mut functions = Vec::new();
        for payload in Parser::new(0).parse_all(runtime) {
            match payload? {
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import?;
                        if let TypeRef::Func(ty) = import.ty {
                            functions.push((ty, surgeon.drops(&import)));
                        }
                    }
                }
                Payload::CodeSectionStart { .. } => break,
                _ => {}
            }
        }
        let kept = functions.iter().filter(|(_, drop)| !drop).count() as u32;
        let mut next_kept = 0;
        for (ty, drop) in functions {
            if drop {
                surgeon.moved.push(kept + surgeon.stub_types.len() as u32);
                surgeon.stub_types.push(ty);
            } else {
                surgeon.moved.push(next_kept);
                next_kept += 1;
            }
        }
        Ok(surgeon)
    }

    fn drops(&self, import: &Import<'_>) -> bool {
        import.module.starts_with(DOCK)
            && !self.wanted.contains(import.module)
            && matches!(import.ty, TypeRef::Func(_))
    }
}

impl Reencode for ImportSurgeon<'_> {
    type Error = std::convert::Infallible;

    fn function_index(&mut self, func: u32) -> Result<u32, reencode::Error> {
        Ok(self.moved.get(func as usize).copied().unwrap_or(func))
    }

    fn parse_import_section(
        &mut self,
        imports: &mut ImportSection,
        section: ImportSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        for import in section.into_imports() {
            let import = import?;
            if !self.drops(&import) {
                utils::parse_import(self, imports, import)?;
            }
        }
        Ok(())
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        for ty in &self.stub_types {
            functions.function(*ty);
        }
        utils::parse_function_section(self, functions, section)
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: CodeSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        for _ in &self.stub_types {
            let mut stub = Function::new([]);
            stub.instructions().unreachable().end();
            code.function(&stub);
        }
        utils::parse_code_section(self, code, section)
    }
}

/// Lays `pack` above the initial memory of `runtime`, points the runtime's slot
/// to it, and withdraws the export of the slot.
///
/// # Errors
///
/// [`SpliceError::NotARuntime`] if the module has no slot or no plain memory of
/// its own, [`SpliceError::NotAPack`] if `pack` is none,
/// [`SpliceError::TooLarge`] if both together need more than 4 GiB.
pub fn splice(runtime: &[u8], pack: &[u8]) -> Result<Vec<u8>, SpliceError> {
    wanted_imports(pack)?;
    let layout = Layout::read(runtime, SLOT)?;
    let base = layout.pages * PAGE;
    let pages = layout.pages + (pack.len() as u64).div_ceil(PAGE);
    if pages > 4 * 1024 * 1024 * 1024 / PAGE {
        return Err(SpliceError::TooLarge(pack.len()));
    }
    let slot: Vec<u8> = [base as u32, pack.len() as u32]
        .into_iter()
        .flat_map(u32::to_le_bytes)
        .collect();
    let segments = [(layout.slot, slot.as_slice()), (base as u32, pack)];

    let mut module = Module::new();
    for payload in Parser::new(0).parse_all(runtime) {
        let payload = payload?;
        match &payload {
            Payload::ExportSection(section) => {
                module.section(&exports_but_slot(section.clone())?);
            }
            Payload::MemorySection(section) => {
                module.section(&grown_memory(section.clone(), pages)?);
            }
            Payload::DataCountSection { count, .. } => {
                let count = count + segments.len() as u32;
                module.section(&wasm_encoder::DataCountSection { count });
            }
            Payload::DataSection(section) => {
                let data = appended_data(runtime, section, &segments);
                module.section(&RawSection {
                    id: SectionId::Data.into(),
                    data: &data,
                });
            }
            other => {
                if let Some((id, range)) = other.as_section() {
                    module.section(&RawSection {
                        id,
                        data: &runtime[range],
                    });
                }
            }
        }
    }
    Ok(module.finish())
}

/// What rewriting must know of the runtime.
pub(crate) struct Layout {
    /// Address of the slot.
    pub slot: u32,
    /// Initial pages of the memory.
    pub pages: u64,
}

impl Layout {
    /// Reads where the exported global `name` points to.
    pub(crate) fn read(runtime: &[u8], name: &str) -> Result<Self, SpliceError> {
        let (mut globals, mut slot_global, mut pages, mut has_data) = (None, None, None, false);
        let mut imported_globals = 0;
        for payload in Parser::new(0).parse_all(runtime) {
            match payload? {
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        if matches!(import?.ty, TypeRef::Global(_)) {
                            imported_globals += 1;
                        }
                    }
                }
                Payload::MemorySection(section) => pages = Some(initial_pages(section)?),
                Payload::GlobalSection(section) => globals = Some(section),
                Payload::ExportSection(section) => slot_global = find_slot(section, name)?,
                Payload::DataSection(_) => has_data = true,
                _ => {}
            }
        }
        if !has_data {
            return Err(SpliceError::NotARuntime("it has no data"));
        }
        let slot_global = slot_global.ok_or(SpliceError::NotARuntime("it exports no slot"))?;
        Ok(Self {
            slot: slot_address(globals, slot_global, imported_globals)?,
            pages: pages.ok_or(SpliceError::NotARuntime("it defines no memory"))?,
        })
    }
}

fn find_slot(section: ExportSectionReader<'_>, name: &str) -> Result<Option<u32>, SpliceError> {
    for export in section {
        let export = export?;
        if export.name == name && export.kind == ExternalKind::Global {
            return Ok(Some(export.index));
        }
    }
    Ok(None)
}

fn slot_address(
    globals: Option<GlobalSectionReader<'_>>,
    index: u32,
    imported: u32,
) -> Result<u32, SpliceError> {
    const NO_ADDRESS: SpliceError = SpliceError::NotARuntime("its slot is not a constant address");
    let section = globals.ok_or(NO_ADDRESS)?;
    let nth = index.checked_sub(imported).ok_or(NO_ADDRESS)?;
    let global = section.into_iter().nth(nth as usize).ok_or(NO_ADDRESS)??;
    match global.init_expr.get_operators_reader().read()? {
        Operator::I32Const { value } => Ok(value.cast_unsigned()),
        _ => Err(NO_ADDRESS),
    }
}

fn initial_pages(section: MemorySectionReader<'_>) -> Result<u64, SpliceError> {
    let mut memories = section.into_iter();
    match (memories.next().transpose()?, memories.next()) {
        (Some(memory), None)
            if !memory.memory64 && !memory.shared && memory.page_size_log2.is_none() =>
        {
            Ok(memory.initial)
        }
        _ => Err(SpliceError::NotARuntime("it needs one plain 32-bit memory")),
    }
}

fn exports_but_slot(section: ExportSectionReader<'_>) -> Result<ExportSection, SpliceError> {
    let mut exports = ExportSection::new();
    for export in section {
        let export = export?;
        if export.name != SLOT {
            RoundtripReencoder.parse_export(&mut exports, export)?;
        }
    }
    Ok(exports)
}

fn grown_memory(
    section: MemorySectionReader<'_>,
    pages: u64,
) -> Result<MemorySection, SpliceError> {
    let mut memories = MemorySection::new();
    for memory in section {
        let mut memory = RoundtripReencoder.memory_type(memory?)?;
        let added = pages - memory.minimum;
        memory.minimum = pages;
        memory.maximum = memory
            .maximum
            .map(|most| (most + added).min(4 * 1024 * 1024 * 1024 / PAGE));
        memories.memory(memory);
    }
    Ok(memories)
}

/// The content of the data section with more active segments at its end.
fn appended_data(
    runtime: &[u8],
    section: &DataSectionReader<'_>,
    segments: &[(u32, &[u8])],
) -> Vec<u8> {
    let content = &runtime[section.range()];
    // The content begins with the count, as LEB128.
    let count_len = 1 + content.iter().take_while(|byte| **byte >= 0x80).count();
    let added: usize = segments.iter().map(|(_, bytes)| bytes.len() + 16).sum();
    let mut data = Vec::with_capacity(content.len() + added);
    (section.count() + segments.len() as u32).encode(&mut data);
    data.extend_from_slice(&content[count_len..]);
    for (address, bytes) in segments {
        data.push(0); // an active segment of memory 0
        ConstExpr::i32_const(address.cast_signed()).encode(&mut data);
        bytes.encode(&mut data);
    }
    data
}

#[cfg(test)]
mod tests;
