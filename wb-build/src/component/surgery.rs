//! Gives the JavaScript runtime the imports and exports of one world.
//!
//! The runtime knows no world: it has one function that runs an export by number and
//! wants one that calls an import by number, with flattened values in slots of eight
//! bytes. Around these the functions of the world are put, and its [`table`] above
//! the initial memory.

use std::collections::BTreeSet;

use wasm_encoder::reencode::{self, Reencode, utils};
use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, EntityType, ExportKind, ExportSection, Function,
    FunctionSection, ImportSection, InstructionSink, MemArg, MemorySection, Module, TypeSection,
    ValType,
};
use wasmparser::{
    CodeSectionReader, DataSectionReader, ExportSectionReader, ExternalKind, FunctionSectionReader,
    ImportSectionReader, MemorySectionReader, Parser, Payload, TypeRef, TypeSectionReader,
};
use wit_parser::abi::{AbiVariant, WasmSignature, WasmType};
use wit_parser::{
    LiftLowerAbi, ManglingAndAbi, ResourceIntrinsic, WasmExport, WasmExportKind, WasmImport,
};

use super::{World, table};
use crate::splice::{Layout, SpliceError};

/// The names of the canonical ABI that are widely understood.
const MANGLING: ManglingAndAbi = ManglingAndAbi::Legacy(LiftLowerAbi::Sync);

/// What the runtime exports for this, and nobody sees afterwards.
const RUN_EXPORT: &str = "wb_export";
const POST_RETURN: &str = "wb_post_return";
const AREA: &str = "wb_area";
const WORLD_SLOT: &str = "wb_world_slot";

/// What it wants: `wit.call(number, slots)`.
const CALL_IMPORT: (&str, &str) = ("wit", "call");

/// Bytes in a page of linear memory.
const PAGE: u64 = 64 * 1024;

pub(super) fn join(
    world: &World,
    runtime: &[u8],
    wanted: &BTreeSet<String>,
) -> Result<Vec<u8>, SpliceError> {
    let mut surgeon = Surgeon::plan(world, runtime, wanted)?;
    let mut module = Module::new();
    surgeon.parse_core_module(&mut module, Parser::new(0), runtime)?;
    Ok(module.finish())
}

/// A function of the world, as the module has it.
struct Outside {
    module: String,
    name: String,
    signature: WasmSignature,
}

/// Where an import of the runtime goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Stays,
    /// Becomes a function that traps.
    Stub,
    /// Becomes the function that calls the imports of the world.
    Dispatcher,
}

struct Surgeon {
    /// For each imported function its type and what becomes of it.
    imported: Vec<(u32, Fate)>,
    /// Types there are already.
    types: u32,
    /// Functions that the runtime defines.
    defined: u32,
    /// Imports of the world with their numbers.
    imports: Vec<(u32, Outside)>,
    /// Exports of the world.
    exports: Vec<Outside>,
    /// Indices, in the old numbering, of what the runtime exports for this.
    run_export: u32,
    post_return: u32,
    /// Address of the slots.
    area: u32,
    /// Address of where the runtime looks for the table.
    slot: u32,
    /// Initial pages, without the table.
    pages: u64,
    table: Vec<u8>,
}

impl Surgeon {
    fn plan(world: &World, runtime: &[u8], wanted: &BTreeSet<String>) -> Result<Self, SpliceError> {
        let mut surgeon = Self {
            imported: Vec::new(),
            types: 0,
            defined: 0,
            imports: imports(world, wanted),
            exports: exports(world),
            run_export: 0,
            post_return: 0,
            area: Layout::read(runtime, AREA)?.slot,
            slot: 0,
            pages: 0,
            table: table::table(world),
        };
        let layout = Layout::read(runtime, WORLD_SLOT)?;
        (surgeon.slot, surgeon.pages) = (layout.slot, layout.pages);
        let (mut run, mut post) = (None, None);
        for payload in Parser::new(0).parse_all(runtime) {
            match payload? {
                Payload::TypeSection(section) => {
                    for group in section {
                        surgeon.types += group?.types().len() as u32;
                    }
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import?;
                        if let TypeRef::Func(ty) = import.ty {
                            surgeon
                                .imported
                                .push((ty, fate(import.module, import.name)));
                        }
                    }
                }
                Payload::FunctionSection(section) => surgeon.defined = section.count(),
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export?;
                        match export.name {
                            RUN_EXPORT => run = Some(export.index),
                            POST_RETURN => post = Some(export.index),
                            _ => {}
                        }
                    }
                }
                Payload::CodeSectionStart { .. } => break,
                _ => {}
            }
        }
        let missing = SpliceError::NotARuntime("it is none of components");
        let dispatches = surgeon
            .imported
            .iter()
            .any(|(_, fate)| *fate == Fate::Dispatcher);
        match (run, post, dispatches) {
            (Some(run), Some(post), true) => {
                (surgeon.run_export, surgeon.post_return) = (run, post);
            }
            _ => return Err(missing),
        }
        Ok(surgeon)
    }

    fn staying(&self) -> u32 {
        self.imported
            .iter()
            .filter(|(_, fate)| *fate == Fate::Stays)
            .count() as u32
    }

    /// Imports that become functions of the module, in order.
    fn replaced(&self) -> impl Iterator<Item = (u32, Fate)> + '_ {
        self.imported
            .iter()
            .copied()
            .filter(|(_, fate)| *fate != Fate::Stays)
    }

    /// The new index of a function: those that stay, those of the world, those that
    /// were replaced, and then all others as they were.
    fn moved(&self, old: u32) -> u32 {
        let added = self.imports.len() as u32;
        let Some((_, fate)) = self.imported.get(old as usize) else {
            return old + added;
        };
        let before = &self.imported[..old as usize];
        let staying = before
            .iter()
            .filter(|(_, fate)| *fate == Fate::Stays)
            .count() as u32;
        if *fate == Fate::Stays {
            staying
        } else {
            self.staying() + added + (old - staying)
        }
    }

    /// The index of the first function behind those that the runtime has.
    fn first_added(&self) -> u32 {
        (self.imported.len() + self.imports.len()) as u32 + self.defined
    }

    /// Those exports whose result the runtime frees after it was read.
    fn returning(&self) -> impl Iterator<Item = &Outside> {
        self.exports.iter().filter(|export| export.signature.retptr)
    }

    /// The function that stands for `wit.call`.
    fn dispatcher(&self) -> Function {
        let mut function = Function::new([]);
        let mut code = function.instructions();
        let first = self.staying();
        for (n, (number, import)) in self.imports.iter().enumerate() {
            code.local_get(0).i32_const(number.cast_signed()).i32_eq();
            code.if_(wasm_encoder::BlockType::Empty);
            let result = import.signature.results.first();
            if result.is_some() {
                code.local_get(1);
            }
            for (k, ty) in import.signature.params.iter().enumerate() {
                code.local_get(1);
                load(&mut code, *ty, k);
            }
            code.call(first + n as u32);
            if let Some(ty) = result {
                store(&mut code, *ty, 0);
            }
            code.return_().end();
        }
        code.unreachable().end();
        function
    }

    /// The function that an export of the world is.
    fn export(&self, number: usize, export: &Outside) -> Function {
        let mut function = Function::new([]);
        let mut code = function.instructions();
        let area = self.area.cast_signed();
        for (k, ty) in export.signature.params.iter().enumerate() {
            code.i32_const(area).local_get(k as u32);
            store(&mut code, *ty, k);
        }
        code.i32_const((number as u32).cast_signed())
            .call(self.moved(self.run_export));
        if let Some(ty) = export.signature.results.first() {
            code.i32_const(area);
            load(&mut code, *ty, 0);
        }
        code.end();
        function
    }
}

fn fate(module: &str, name: &str) -> Fate {
    if (module, name) == CALL_IMPORT {
        Fate::Dispatcher
    } else if module.starts_with("wb:") {
        // The calls of commands to the Dock: a component has its world instead.
        Fate::Stub
    } else {
        Fate::Stays
    }
}

/// The imports that a program uses, numbered as in [`table`]: functions, and then
/// for each resource what drops its handles.
fn imports(world: &World, wanted: &BTreeSet<String>) -> Vec<(u32, Outside)> {
    let mut found = Vec::new();
    let functions = world.imports();
    for (n, item) in functions.iter().enumerate() {
        if wanted.contains(&format!("wit:{n}")) {
            let import = WasmImport::Func {
                interface: item.interface,
                func: item.function,
            };
            let (module, name) = world.resolve.wasm_import_name(MANGLING, import);
            let signature = world
                .resolve
                .wasm_signature(AbiVariant::GuestImport, item.function);
            found.push((
                n as u32,
                Outside {
                    module,
                    name,
                    signature,
                },
            ));
        }
    }
    for (n, resource) in world.resources().iter().enumerate() {
        if wanted.contains(&format!("wit:r{n}")) {
            let import = WasmImport::ResourceIntrinsic {
                interface: Some(resource.interface),
                resource: resource.id,
                intrinsic: ResourceIntrinsic::ImportedDrop,
            };
            let (module, name) = world.resolve.wasm_import_name(MANGLING, import);
            let signature = WasmSignature {
                params: vec![WasmType::I32],
                results: Vec::new(),
                indirect_params: false,
                retptr: false,
            };
            let number = (functions.len() + n) as u32;
            found.push((
                number,
                Outside {
                    module,
                    name,
                    signature,
                },
            ));
        }
    }
    found
}

fn exports(world: &World) -> Vec<Outside> {
    let export = |item: &super::world::Item<'_>| Outside {
        module: String::new(),
        name: world.resolve.wasm_export_name(
            MANGLING,
            WasmExport::Func {
                interface: item.interface,
                func: item.function,
                kind: WasmExportKind::Normal,
            },
        ),
        signature: world
            .resolve
            .wasm_signature(AbiVariant::GuestExport, item.function),
    };
    world.exports().iter().map(export).collect()
}

fn core_type(ty: WasmType) -> ValType {
    match ty {
        WasmType::I32 | WasmType::Pointer | WasmType::Length => ValType::I32,
        WasmType::I64 | WasmType::PointerOrI64 => ValType::I64,
        WasmType::F32 => ValType::F32,
        WasmType::F64 => ValType::F64,
    }
}

fn slot(number: usize) -> MemArg {
    MemArg {
        offset: 8 * number as u64,
        align: 2,
        memory_index: 0,
    }
}

fn load(code: &mut InstructionSink<'_>, ty: WasmType, number: usize) {
    match core_type(ty) {
        ValType::I64 => code.i64_load(slot(number)),
        ValType::F32 => code.f32_load(slot(number)),
        ValType::F64 => code.f64_load(slot(number)),
        _ => code.i32_load(slot(number)),
    };
}

fn store(code: &mut InstructionSink<'_>, ty: WasmType, number: usize) {
    match core_type(ty) {
        ValType::I64 => code.i64_store(slot(number)),
        ValType::F32 => code.f32_store(slot(number)),
        ValType::F64 => code.f64_store(slot(number)),
        _ => code.i32_store(slot(number)),
    };
}

impl Reencode for Surgeon {
    type Error = std::convert::Infallible;

    fn function_index(&mut self, old: u32) -> Result<u32, reencode::Error> {
        Ok(self.moved(old))
    }

    /// Adds the types of the imports, of the exports, and of what follows an export.
    fn parse_type_section(
        &mut self,
        types: &mut TypeSection,
        section: TypeSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        utils::parse_type_section(self, types, section)?;
        let imports = self.imports.iter().map(|(_, import)| import);
        for outside in imports.chain(&self.exports) {
            let params = outside.signature.params.iter().copied().map(core_type);
            let results = outside.signature.results.iter().copied().map(core_type);
            types.ty().function(params, results);
        }
        types.ty().function([ValType::I32], []);
        Ok(())
    }

    fn parse_import_section(
        &mut self,
        imports: &mut ImportSection,
        section: ImportSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        for import in section.into_imports() {
            let import = import?;
            let function = matches!(import.ty, TypeRef::Func(_));
            if !function || fate(import.module, import.name) == Fate::Stays {
                utils::parse_import(self, imports, import)?;
            }
        }
        for (n, (_, import)) in self.imports.iter().enumerate() {
            let ty = EntityType::Function(self.types + n as u32);
            imports.import(&import.module, &import.name, ty);
        }
        Ok(())
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        for (ty, _) in self.replaced() {
            functions.function(ty);
        }
        utils::parse_function_section(self, functions, section)?;
        let first = self.types + self.imports.len() as u32;
        for n in 0..self.exports.len() as u32 {
            functions.function(first + n);
        }
        if self.returning().next().is_some() {
            functions.function(first + self.exports.len() as u32);
        }
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: CodeSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        for (_, fate) in self.replaced() {
            if fate == Fate::Dispatcher {
                code.function(&self.dispatcher());
            } else {
                let mut stub = Function::new([]);
                stub.instructions().unreachable().end();
                code.function(&stub);
            }
        }
        utils::parse_code_section(self, code, section)?;
        for (n, export) in self.exports.iter().enumerate() {
            code.function(&self.export(n, export));
        }
        if self.returning().next().is_some() {
            let mut post = Function::new([]);
            post.instructions().call(self.moved(self.post_return)).end();
            code.function(&post);
        }
        Ok(())
    }

    fn parse_export_section(
        &mut self,
        exports: &mut ExportSection,
        section: ExportSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        for export in section {
            let export = export?;
            let ours = [RUN_EXPORT, POST_RETURN, AREA, WORLD_SLOT].contains(&export.name);
            if !ours || !matches!(export.kind, ExternalKind::Func | ExternalKind::Global) {
                utils::parse_export(self, exports, export)?;
            }
        }
        let first = self.first_added();
        for (n, export) in self.exports.iter().enumerate() {
            exports.export(&export.name, ExportKind::Func, first + n as u32);
        }
        let post = first + self.exports.len() as u32;
        for export in self.returning() {
            exports.export(
                &format!("cabi_post_{}", export.name),
                ExportKind::Func,
                post,
            );
        }
        Ok(())
    }

    fn parse_memory_section(
        &mut self,
        memories: &mut MemorySection,
        section: MemorySectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        for memory in section {
            let mut memory = self.memory_type(memory?)?;
            memory.minimum += (self.table.len() as u64).div_ceil(PAGE);
            memories.memory(memory);
        }
        Ok(())
    }

    fn data_count(&mut self, count: u32) -> Result<u32, reencode::Error> {
        Ok(count + 2)
    }

    fn parse_data_section(
        &mut self,
        data: &mut DataSection,
        section: DataSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        utils::parse_data_section(self, data, section)?;
        let base = (self.pages * PAGE) as u32;
        let slot = [base, self.table.len() as u32]
            .map(u32::to_le_bytes)
            .concat();
        data.active(0, &ConstExpr::i32_const(self.slot.cast_signed()), slot);
        data.active(
            0,
            &ConstExpr::i32_const(base.cast_signed()),
            self.table.iter().copied(),
        );
        Ok(())
    }
}
