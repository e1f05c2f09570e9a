use wasmparser::{
    ConstExpr, ElementItems, Encoding, MemoryType, Parser, Payload, TableInit, TypeRef,
};

use crate::error::{Error, ErrorKind};
use bodies::{Bodies, Fault};

mod bodies;

/// How large a module may be before anything of it is compiled.
///
/// Compiling costs time and memory in proportion to what a compiler makes of a module,
/// which can be far more than its bytes; neither can be interrupted once begun.
///
/// | | [`untrusted`](Self::untrusted) | [`trusted`](Self::trusted) |
/// |---|---|---|
/// | bytes of the module, of a function | 64 MiB, 1 MiB | 512 MiB, 7,654,321 |
/// | functions, locals and nesting of each | 100,000, 20,000, 10,000 | 500,000, 50,000, 50,000 |
/// | work | 2²⁶ steps | 2⁴⁰ steps |
/// | imports, exports, globals | 20,000 | 100,000 |
/// | memories, bytes from the start | 1, 1 GiB | 1, 2 GiB |
/// | tables, elements from the start | 64, 200,000 | the same |
/// | segments, parts of a component | 100,000, 64 | the same |
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
    /// Blocks inside of each other in one function. A `switch` of C takes one for each case.
    pub nesting: u64,
    /// What compiling all functions together may take, in steps of which a compiler does some
    /// two million a second on one core: instructions, and what is out of proportion to them,
    /// as the values that calls and blocks pass on or many loops in one function.
    pub work: u64,
    /// Imports, exports and globals, each.
    pub names: u64,
    /// Memories of one module.
    pub memories: u64,
    /// Bytes that a memory has from the start.
    pub initial_memory: u64,
    /// Tables.
    pub tables: u64,
    /// Elements that a table has from the start, and those of all segments together.
    pub table_elements: u64,
    /// Data and element segments, each.
    pub segments: u64,
    /// Core modules and components inside of a component, and instances of them, each.
    pub parts: u64,
}

impl CompileLimits {
    /// For code of strangers: room for every program of an ordinary size, and half a minute
    /// of compiling on one core at most.
    pub const fn untrusted() -> Self {
        Self {
            module_bytes: 64 << 20,
            functions: 100_000,
            body_bytes: 1 << 20,
            locals: 20_000,
            nesting: 10_000,
            work: 64 << 20,
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
            // More than fit into a body of that size.
            nesting: 7_654_321,
            work: 1 << 40,
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

/// Bytes of one constant expression, which has one instruction in most programs.
const CONSTANT: u64 = 1 << 10;

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
    let mut outline = Outline::new(limits);
    let read = outline.read(wasm, wanted);
    read.map_err(|fault| match fault {
        Fault::TooLarge(error) => error,
        Fault::Malformed(error) => {
            let wanted = match wanted {
                Encoding::Module => "core module",
                Encoding::Component => "component",
            };
            let message = format!("{error}; a {wanted} was wanted");
            ErrorKind::Malformed { message }.into()
        }
    })
}

/// What has been counted so far: over all modules, but for memories.
struct Outline<'l> {
    limits: &'l CompileLimits,
    parts: u64,
    core_instances: u64,
    instances: u64,
    names: u64,
    aliases: u64,
    types: u64,
    canonical: u64,
    functions: u64,
    elements: u64,
    /// Of the module at hand: modules hold no modules.
    memories: u64,
    bodies: Bodies,
}

impl<'l> Outline<'l> {
    fn new(limits: &'l CompileLimits) -> Self {
        Self {
            limits,
            parts: 0,
            core_instances: 0,
            instances: 0,
            names: 0,
            aliases: 0,
            types: 0,
            canonical: 0,
            functions: 0,
            elements: 0,
            memories: 0,
            bodies: Bodies::default(),
        }
    }

    fn read(&mut self, wasm: &[u8], wanted: Encoding) -> Result<(), Fault> {
        let mut is_outermost = true;
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload?;
            if let Payload::Version { encoding, .. } = payload {
                if is_outermost && encoding != wanted {
                    let message = match wanted {
                        Encoding::Module => "this is a component, a core module was wanted",
                        Encoding::Component => "this is a core module, a component was wanted",
                    };
                    let message = message.into();
                    return Err(Error::from(ErrorKind::Malformed { message }).into());
                }
                is_outermost = false;
                self.memories = 0;
                self.bodies.begin_module();
            }
            self.component_section(&payload)?;
            self.module_section(payload)?;
        }
        Ok(())
    }

    /// Counts what only components have.
    fn component_section(&mut self, payload: &Payload<'_>) -> Result<(), Error> {
        let limits = self.limits;
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => {
                self.parts += 1;
                at_most("modules and components inside", self.parts, limits.parts)
            }
            Payload::InstanceSection(section) => {
                self.core_instances += u64::from(section.count());
                at_most("core instances", self.core_instances, instances(limits))
            }
            Payload::ComponentInstanceSection(section) => {
                self.instances += u64::from(section.count());
                at_most("instances", self.instances, instances(limits))
            }
            Payload::ComponentImportSection(section) => {
                self.names += u64::from(section.count());
                at_most("imports and exports", self.names, limits.names)
            }
            Payload::ComponentExportSection(section) => {
                self.names += u64::from(section.count());
                at_most("imports and exports", self.names, limits.names)
            }
            Payload::ComponentAliasSection(section) => {
                self.aliases += u64::from(section.count());
                at_most("aliases", self.aliases, limits.functions)
            }
            Payload::ComponentTypeSection(section) => {
                self.types += u64::from(section.count());
                at_most("types", self.types, limits.functions)
            }
            Payload::ComponentCanonicalSection(section) => {
                self.canonical += u64::from(section.count());
                at_most("lifted and lowered functions", self.canonical, limits.names)
            }
            _ => Ok(()),
        }
    }

    /// Counts what modules have.
    fn module_section(&mut self, payload: Payload<'_>) -> Result<(), Fault> {
        let limits = self.limits;
        match payload {
            Payload::TypeSection(section) => {
                let groups = self.types + u64::from(section.count());
                at_most("types", groups, limits.functions)?;
                for group in section {
                    for ty in group?.types() {
                        self.types += 1;
                        at_most("types", self.types, limits.functions)?;
                        self.bodies.declare_type(ty, limits)?;
                    }
                }
            }
            Payload::ImportSection(section) => {
                at_most("imports", u64::from(section.count()), limits.names)?;
                for import in section.into_imports() {
                    match import?.ty {
                        TypeRef::Memory(memory) => self.add_memory(&memory)?,
                        TypeRef::Table(table) => check_table(&table, limits)?,
                        TypeRef::Func(ty) | TypeRef::FuncExact(ty) => {
                            self.bodies.import_function(ty);
                        }
                        TypeRef::Global(_) | TypeRef::Tag(_) => {}
                    }
                }
            }
            Payload::FunctionSection(section) => {
                self.functions += u64::from(section.count());
                at_most("functions", self.functions, limits.functions)?;
                for ty in section {
                    self.bodies.declare_function(ty?);
                }
            }
            Payload::TableSection(section) => {
                at_most("tables", u64::from(section.count()), limits.tables)?;
                for table in section {
                    let table = table?;
                    check_table(&table.ty, limits)?;
                    if let TableInit::Expr(init) = table.init {
                        check_constant(&init)?;
                    }
                }
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    self.add_memory(&memory?)?;
                }
            }
            Payload::GlobalSection(section) => {
                at_most("globals", u64::from(section.count()), limits.names)?;
                for global in section {
                    check_constant(&global?.init_expr)?;
                }
            }
            Payload::ExportSection(section) => {
                at_most("exports", u64::from(section.count()), limits.names)?;
            }
            Payload::ElementSection(section) => {
                let count = u64::from(section.count());
                at_most("element segments", count, limits.segments)?;
                for element in section {
                    self.add_elements(element?.items)?;
                }
            }
            Payload::DataSection(section) => {
                let count = u64::from(section.count());
                at_most("data segments", count, limits.segments)?;
            }
            Payload::CodeSectionEntry(body) => self.bodies.read(&body, limits)?,
            _ => {}
        }
        Ok(())
    }

    fn add_memory(&mut self, memory: &MemoryType) -> Result<(), Error> {
        self.memories += 1;
        at_most("memories", self.memories, self.limits.memories)?;
        let bytes = memory.initial.saturating_mul(PAGE);
        at_most("bytes of initial memory", bytes, self.limits.initial_memory)
    }

    fn add_elements(&mut self, items: ElementItems<'_>) -> Result<(), Fault> {
        let count = match &items {
            ElementItems::Functions(items) => items.count(),
            ElementItems::Expressions(_, items) => items.count(),
        };
        self.elements += u64::from(count);
        let most = self.limits.table_elements;
        at_most("elements in segments", self.elements, most)?;
        if let ElementItems::Expressions(_, items) = items {
            for item in items {
                check_constant(&item?)?;
            }
        }
        Ok(())
    }
}

/// Instances there may be: some more than parts, as the usual tools make a few of
/// exports alone to pass functions around.
fn instances(limits: &CompileLimits) -> u64 {
    limits.parts.saturating_mul(8)
}

fn check_table(table: &wasmparser::TableType, limits: &CompileLimits) -> Result<(), Error> {
    at_most(
        "initial table elements",
        table.initial,
        limits.table_elements,
    )
}

fn check_constant(constant: &ConstExpr<'_>) -> Result<(), Error> {
    let bytes = constant.get_binary_reader().bytes_remaining() as u64;
    at_most("bytes in one constant expression", bytes, CONSTANT)
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
