use wasmparser::{BinaryReaderError, Encoding, Parser, Payload, TypeRef};

use crate::error::{Error, ErrorKind};

/// How large a module may be before anything of it is compiled.
///
/// Compiling costs time and memory in proportion, and a function body more than
/// in proportion, to its size; neither can be interrupted once begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompileLimits {
    /// Bytes of the module.
    pub module_bytes: u64,
    /// Functions with a body.
    pub functions: u64,
    /// Bytes of one function's body.
    pub body_bytes: u64,
    /// Local variables of one function.
    pub locals: u64,
    /// Imports, exports and globals, each.
    pub names: u64,
    /// Memories of one module.
    pub memories: u64,
    /// Bytes that a memory has from the start.
    pub initial_memory: u64,
    /// Tables.
    pub tables: u64,
    /// Elements that a table has from the start.
    pub table_elements: u64,
    /// Data and element segments, each.
    pub segments: u64,
    /// Core modules and components inside of a component, and instances of them, each.
    pub parts: u64,
}

impl CompileLimits {
    /// For code of strangers: room for every program of an ordinary size, and
    /// seconds of compiling at most. How deep blocks nest is not limited: a body full
    /// of them takes some ten seconds.
    pub const fn untrusted() -> Self {
        Self {
            module_bytes: 64 << 20,
            functions: 100_000,
            body_bytes: 1 << 20,
            locals: 20_000,
            names: 20_000,
            memories: 1,
            initial_memory: 1 << 30,
            tables: 64,
            table_elements: 200_000,
            segments: 100_000,
            parts: 64,
        }
    }

    /// For toolchains that are pinned by digest: room for LLVM.
    pub const fn trusted() -> Self {
        Self {
            module_bytes: 512 << 20,
            functions: 500_000,
            // The most that a function may have by the engine's own limits.
            body_bytes: 7_654_321,
            locals: 50_000,
            names: 100_000,
            initial_memory: 2 << 30,
            segments: 100_000,
            ..Self::untrusted()
        }
    }
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self::untrusted()
    }
}

/// Bytes of a page of linear memory.
const PAGE: u64 = 64 << 10;

/// Reads the outline of a module and refuses what is too large, within a time
/// that is linear in its size. Whether the module is valid is the engine's to say.
pub(crate) fn check(wasm: &[u8], limits: &CompileLimits) -> Result<(), Error> {
    outline(wasm, Encoding::Module, limits)
}

/// The same for a component, with the modules and components inside of it.
pub(crate) fn check_component(wasm: &[u8], limits: &CompileLimits) -> Result<(), Error> {
    outline(wasm, Encoding::Component, limits)
}

fn outline(wasm: &[u8], wanted: Encoding, limits: &CompileLimits) -> Result<(), Error> {
    at_most("bytes", wasm.len() as u64, limits.module_bytes)?;
    let malformed = |error: BinaryReaderError| {
        let wanted = match wanted {
            Encoding::Module => "core module",
            Encoding::Component => "component",
        };
        let message = format!("{error}; a {wanted} was wanted");
        Error::from(ErrorKind::Malformed { message })
    };
    let mut is_outermost = true;
    // Of the module at hand: modules hold no modules.
    let mut memories = 0;
    // What each module has is counted over all of them.
    let mut total = Total::default();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.map_err(malformed)?;
        total.count(&payload, limits)?;
        match payload {
            Payload::Version { encoding, .. } => {
                if is_outermost && encoding != wanted {
                    let message = match wanted {
                        Encoding::Module => "this is a component, a core module was wanted",
                        Encoding::Component => "this is a core module, a component was wanted",
                    };
                    let message = message.into();
                    return Err(ErrorKind::Malformed { message }.into());
                }
                is_outermost = false;
                memories = 0;
            }
            Payload::ImportSection(section) => {
                at_most("imports", u64::from(section.count()), limits.names)?;
                for import in section.into_imports() {
                    match import.map_err(malformed)?.ty {
                        TypeRef::Memory(memory) => {
                            memories += 1;
                            at_most("memories", memories, limits.memories)?;
                            check_memory(&memory, limits)?;
                        }
                        TypeRef::Table(table) => check_table(&table, limits)?,
                        _ => {}
                    }
                }
            }
            Payload::FunctionSection(section) => {
                total.functions += u64::from(section.count());
                at_most("functions", total.functions, limits.functions)?;
            }
            Payload::TypeSection(section) => {
                at_most("types", u64::from(section.count()), limits.functions)?;
            }
            Payload::TableSection(section) => {
                at_most("tables", u64::from(section.count()), limits.tables)?;
                for table in section {
                    check_table(&table.map_err(malformed)?.ty, limits)?;
                }
            }
            Payload::MemorySection(section) => {
                memories += u64::from(section.count());
                at_most("memories", memories, limits.memories)?;
                for memory in section {
                    check_memory(&memory.map_err(malformed)?, limits)?;
                }
            }
            Payload::GlobalSection(section) => {
                at_most("globals", u64::from(section.count()), limits.names)?;
            }
            Payload::ExportSection(section) => {
                at_most("exports", u64::from(section.count()), limits.names)?;
            }
            Payload::ElementSection(section) => {
                at_most(
                    "element segments",
                    u64::from(section.count()),
                    limits.segments,
                )?;
            }
            Payload::DataSection(section) => {
                at_most("data segments", u64::from(section.count()), limits.segments)?;
            }
            Payload::CodeSectionEntry(body) => {
                let bytes = body.range().len() as u64;
                at_most("bytes in one function", bytes, limits.body_bytes)?;
                let mut locals = 0;
                for group in body.get_locals_reader().map_err(malformed)? {
                    locals += u64::from(group.map_err(malformed)?.0);
                    at_most("locals in one function", locals, limits.locals)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// What has been counted so far.
#[derive(Default)]
struct Total {
    parts: u64,
    core_instances: u64,
    instances: u64,
    names: u64,
    aliases: u64,
    types: u64,
    canonical: u64,
    functions: u64,
}

impl Total {
    /// Counts what only components have.
    fn count(&mut self, payload: &Payload<'_>, limits: &CompileLimits) -> Result<(), Error> {
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => {
                self.parts += 1;
                at_most("modules and components inside", self.parts, limits.parts)?;
            }
            Payload::InstanceSection(section) => {
                self.core_instances += u64::from(section.count());
                at_most("core instances", self.core_instances, instances(limits))?;
            }
            Payload::ComponentInstanceSection(section) => {
                self.instances += u64::from(section.count());
                at_most("instances", self.instances, instances(limits))?;
            }
            Payload::ComponentImportSection(section) => {
                self.names += u64::from(section.count());
                at_most("imports and exports", self.names, limits.names)?;
            }
            Payload::ComponentExportSection(section) => {
                self.names += u64::from(section.count());
                at_most("imports and exports", self.names, limits.names)?;
            }
            Payload::ComponentAliasSection(section) => {
                self.aliases += u64::from(section.count());
                at_most("aliases", self.aliases, limits.functions)?;
            }
            Payload::ComponentTypeSection(section) => {
                self.types += u64::from(section.count());
                at_most("types", self.types, limits.functions)?;
            }
            Payload::ComponentCanonicalSection(section) => {
                self.canonical += u64::from(section.count());
                at_most("lifted and lowered functions", self.canonical, limits.names)?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// Instances there may be: some more than parts, as the usual tools make a few of
/// exports alone to pass functions around.
fn instances(limits: &CompileLimits) -> u64 {
    limits.parts.saturating_mul(8)
}

fn check_memory(memory: &wasmparser::MemoryType, limits: &CompileLimits) -> Result<(), Error> {
    let bytes = memory.initial.saturating_mul(PAGE);
    at_most("bytes of initial memory", bytes, limits.initial_memory)
}

fn check_table(table: &wasmparser::TableType, limits: &CompileLimits) -> Result<(), Error> {
    at_most(
        "initial table elements",
        table.initial,
        limits.table_elements,
    )
}

fn at_most(what: &'static str, found: u64, wanted: u64) -> Result<(), Error> {
    if found <= wanted {
        return Ok(());
    }
    Err(ErrorKind::TooLarge {
        what: what.into(),
        found,
        wanted,
    }
    .into())
}
