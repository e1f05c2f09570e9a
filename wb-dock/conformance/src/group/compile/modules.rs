//! Modules that are made, not written.

use wasm_encoder::{
    BlockType, Catch, CodeSection, ConstExpr, DataSection, EntityType, ExportKind, ExportSection,
    Function, FunctionSection, ImportSection, Instruction, MemorySection, MemoryType, Module,
    RefType, TableSection, TableType, TypeSection, ValType,
};

/// Values in the type that calls and blocks of a bomb have.
const WIDE: usize = 1000;
/// The types that bodies may use: of nothing, and of many values.
const NARROW: u32 = 0;
pub(super) const WIDE_TYPE: u32 = 1;

/// A command whose only function does `prepare`, then `each` so many times, then `finish`.
/// Function 0 takes and gives nothing, function 1 takes a thousand values and gives them
/// back. There is a local and a table.
pub(super) fn body(
    prepare: &[Instruction<'_>],
    each: &[Instruction<'_>],
    times: usize,
    finish: &[Instruction<'_>],
) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    types
        .ty()
        .function([ValType::I32; WIDE], [ValType::I32; WIDE]);
    let mut functions = FunctionSection::new();
    functions
        .function(NARROW)
        .function(WIDE_TYPE)
        .function(NARROW);
    let mut tables = TableSection::new();
    tables.table(TableType {
        element_type: RefType::FUNCREF,
        minimum: 1,
        maximum: None,
        table64: false,
        shared: false,
    });
    let mut exports = ExportSection::new();
    exports.export("_start", ExportKind::Func, 2);
    let mut function = Function::new([(1, ValType::I32)]);
    let repeated = std::iter::repeat_n(each, times).flatten();
    for instruction in prepare.iter().chain(repeated).chain(finish) {
        function.instruction(instruction);
    }
    function.instruction(&Instruction::End);
    let mut narrow = Function::new([]);
    narrow.instruction(&Instruction::End);
    let mut wide = Function::new([]);
    for param in 0..WIDE as u32 {
        wide.instruction(&Instruction::LocalGet(param));
    }
    wide.instruction(&Instruction::End);
    let mut bodies = CodeSection::new();
    bodies.function(&narrow).function(&wide).function(&function);
    let mut module = Module::new();
    module
        .section(&types)
        .section(&functions)
        .section(&tables)
        .section(&exports)
        .section(&bodies);
    module.finish()
}

/// As many values on the stack as the wide type takes, or off it.
pub(super) fn wide(instruction: &Instruction<'static>) -> Vec<Instruction<'static>> {
    vec![instruction.clone(); WIDE]
}

/// Blocks inside of each other, each begun by `open`, with `inside` before the end of each.
pub(super) fn nested(
    open: &[Instruction<'static>],
    depth: usize,
    inside: &[Instruction<'static>],
    ends: usize,
) -> Vec<u8> {
    let closing: Vec<_> = inside
        .iter()
        .cloned()
        .chain(std::iter::repeat_n(Instruction::End, ends))
        .collect();
    let opening: Vec<_> = std::iter::repeat_n(open, depth)
        .flatten()
        .cloned()
        .collect();
    body(&opening, &closing, depth, &[])
}

/// A block that handles what is thrown in it, inside of the block that is landed in: two ends.
pub(super) fn handler() -> [Instruction<'static>; 2] {
    let catches = vec![Catch::All { label: 0 }];
    [
        Instruction::Block(BlockType::Empty),
        Instruction::TryTable(BlockType::Empty, catches.into()),
    ]
}

/// So many types of a thousand parameters and results each.
pub(super) fn wide_types(count: u32) -> Vec<u8> {
    let mut types = TypeSection::new();
    for _ in 0..count {
        types
            .ty()
            .function([ValType::I64; WIDE], [ValType::I64; WIDE]);
    }
    let mut module = Module::new();
    module.section(&types);
    module.finish()
}

/// A command of `count` functions, each with `locals` locals and `code`.
pub(super) fn functions(count: u32, locals: u32, code: &[Instruction<'_>]) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let (mut functions, mut bodies) = (FunctionSection::new(), CodeSection::new());
    for _ in 0..count {
        functions.function(0);
        let mut body = Function::new([(locals, ValType::I32)]);
        for instruction in code {
            body.instruction(instruction);
        }
        bodies.function(&body);
    }
    let mut exports = ExportSection::new();
    exports.export("_start", ExportKind::Func, 0);
    let mut module = Module::new();
    module
        .section(&types)
        .section(&functions)
        .section(&exports)
        .section(&bodies);
    module.finish()
}

/// A command with so many imports and exports.
pub(super) fn names(imports: u32, exports: u32) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let mut imported = ImportSection::new();
    for number in 0..imports {
        imported.import("env", &number.to_string(), EntityType::Function(0));
    }
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut exported = ExportSection::new();
    exported.export("_start", ExportKind::Func, imports);
    for number in 0..exports {
        exported.export(&number.to_string(), ExportKind::Func, imports);
    }
    let mut bodies = CodeSection::new();
    let mut body = Function::new([]);
    body.instruction(&Instruction::End);
    bodies.function(&body);
    let mut module = Module::new();
    module
        .section(&types)
        .section(&imported)
        .section(&functions)
        .section(&exported)
        .section(&bodies);
    module.finish()
}

pub(super) fn oversized() -> Vec<u8> {
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: 1100,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut data = DataSection::new();
    data.active(0, &ConstExpr::i32_const(0), vec![b'x'; 65 << 20]);
    let mut module = Module::new();
    module.section(&memories).section(&data);
    module.finish()
}
