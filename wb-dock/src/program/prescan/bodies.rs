//! What the bodies of functions will cost: a few bytes can be very much work.
//!
//! The charges are rough, and taken from what modules made to be slow took. What grows with
//! the square of something in a function is charged more the more there is of it.

use wasmparser::{
    BinaryReaderError, BlockType, CompositeInnerType, FunctionBody, Operator, SubType,
};

use super::{CompileLimits, at_most};
use crate::error::Error;

/// A function, whatever is in it.
const FUNCTION: u64 = 50;
/// Locals to a step, which cost something even if nothing uses them.
const LOCALS: u64 = 8;
/// A call, and each value that it passes: they have to be moved to where calls want them.
const CALL: u64 = 10;
/// Each value of a type, and each that a block takes or gives.
const TYPE_VALUE: u64 = 4;
const BLOCK_VALUE: u64 = 4;
/// Blocks in a function before the next one costs a step more.
const BLOCKS: u64 = 50;
/// Loops in a function before the next one costs a step more, each with a look at the deadline.
const LOOPS: u64 = 4;
/// The square of the depth of a loop in others, to a step.
const LOOP_DEPTH: u64 = 90;
/// Parameters of loops in a function before each of the next one costs a step more. Common
/// compilers make loops without any.
const LOOP_PARAMS: u64 = 16;
/// Indirect calls in a function before the next one costs a step more.
const INDIRECT: u64 = 8;
/// A call that may land at a handler, for each of the handlers.
const LANDING: u64 = 50;
/// Such pairs in a function before the next one costs a step more.
const LANDINGS: u64 = 10;

/// Why a module is not compiled.
pub(super) enum Fault {
    Malformed(BinaryReaderError),
    TooLarge(Error),
}

impl From<BinaryReaderError> for Fault {
    fn from(error: BinaryReaderError) -> Self {
        Self::Malformed(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::TooLarge(error)
    }
}

/// How many values a function or a block takes and gives.
#[derive(Clone, Copy, Default)]
struct Arity {
    params: u64,
    results: u64,
}

impl Arity {
    const fn both(self) -> u64 {
        self.params + self.results
    }
}

/// The functions of one module, and what those of all modules come to.
///
/// An index that leads nowhere counts as nothing: such a module is not valid, which the
/// engine finds before it compiles.
#[derive(Default)]
pub(super) struct Bodies {
    types: Vec<Arity>,
    /// The type of each function, imported ones first.
    functions: Vec<u32>,
    /// Functions before the next body.
    before: usize,
    work: u64,
}

impl Bodies {
    pub(super) fn begin_module(&mut self) {
        self.types.clear();
        self.functions.clear();
        self.before = 0;
    }

    pub(super) fn declare_type(
        &mut self,
        ty: &SubType,
        limits: &CompileLimits,
    ) -> Result<(), Error> {
        let (arity, values) = match &ty.composite_type.inner {
            CompositeInnerType::Func(ty) => {
                let arity = Arity {
                    params: ty.params().len() as u64,
                    results: ty.results().len() as u64,
                };
                (arity, arity.both())
            }
            CompositeInnerType::Struct(ty) => (Arity::default(), ty.fields.len() as u64),
            CompositeInnerType::Array(_) | CompositeInnerType::Cont(_) => (Arity::default(), 1),
        };
        self.types.push(arity);
        self.charge(TYPE_VALUE * values, limits)
    }

    pub(super) fn import_function(&mut self, ty: u32) {
        self.functions.push(ty);
        self.before += 1;
    }

    pub(super) fn declare_function(&mut self, ty: u32) {
        self.functions.push(ty);
    }

    /// Reads the next body.
    pub(super) fn read(
        &mut self,
        body: &FunctionBody<'_>,
        limits: &CompileLimits,
    ) -> Result<(), Fault> {
        let bytes = body.range().len() as u64;
        at_most("bytes in one function", bytes, limits.body_bytes)?;
        let own = self.function(self.before as u32);
        self.before += 1;
        let mut locals = 0;
        for group in body.get_locals_reader()? {
            locals += u64::from(group?.0);
            at_most("locals in one function", locals, limits.locals)?;
        }
        self.charge(FUNCTION + locals / LOCALS, limits)?;
        let mut body_so_far = Body::new(own, locals + own.params);
        for operator in body.get_operators_reader()? {
            let work = body_so_far.step(&operator?, self);
            self.charge(work, limits)?;
            let depth = body_so_far.depth();
            at_most("blocks inside of each other", depth, limits.nesting)?;
        }
        Ok(())
    }

    fn charge(&mut self, work: u64, limits: &CompileLimits) -> Result<(), Error> {
        self.work = self.work.saturating_add(work);
        at_most("steps to compile", self.work, limits.work)
    }

    fn block(&self, ty: BlockType) -> Arity {
        match ty {
            BlockType::Empty => Arity::default(),
            BlockType::Type(_) => Arity {
                params: 0,
                results: 1,
            },
            BlockType::FuncType(index) => self.ty(index),
        }
    }

    fn function(&self, index: u32) -> Arity {
        let ty = self.functions.get(index as usize);
        ty.map_or(Arity::default(), |ty| self.ty(*ty))
    }

    fn ty(&self, index: u32) -> Arity {
        self.types.get(index as usize).copied().unwrap_or_default()
    }
}

/// A block that is open.
#[derive(Clone, Copy)]
struct Label {
    /// How many values a branch to it takes.
    values: u64,
    is_loop: bool,
    /// Handlers of exceptions that it brings with it.
    handlers: u64,
}

/// What was seen of a function so far.
struct Body {
    results: u64,
    locals: u64,
    /// The first is the function itself.
    labels: Vec<Label>,
    blocks: u64,
    loops: u64,
    loop_depth: u64,
    loop_params: u64,
    indirect: u64,
    handlers: u64,
    landings: u64,
}

impl Body {
    fn new(own: Arity, locals: u64) -> Self {
        let function = Label {
            values: own.results,
            is_loop: false,
            handlers: 0,
        };
        Self {
            results: own.results,
            locals,
            labels: vec![function],
            blocks: 0,
            loops: 0,
            loop_depth: 0,
            loop_params: 0,
            indirect: 0,
            handlers: 0,
            landings: 0,
        }
    }

    /// Blocks that are open.
    fn depth(&self) -> u64 {
        self.labels.len().saturating_sub(1) as u64
    }

    /// What one instruction costs.
    fn step(&mut self, operator: &Operator<'_>, bodies: &Bodies) -> u64 {
        match operator {
            Operator::Loop { blockty } => self.open_loop(bodies.block(*blockty)),
            Operator::Block { blockty } | Operator::If { blockty } | Operator::Try { blockty } => {
                self.open(bodies.block(*blockty), 0)
            }
            Operator::TryTable { try_table } => {
                let catches = try_table.catches.len() as u64;
                self.open(bodies.block(try_table.ty), catches)
            }
            Operator::End | Operator::Delegate { .. } => {
                if let Some(closed) = self.labels.pop() {
                    self.loop_depth -= u64::from(closed.is_loop);
                    self.handlers -= closed.handlers;
                }
                1
            }
            Operator::Call {
                function_index: index,
            }
            | Operator::ReturnCall {
                function_index: index,
            } => self.call(bodies.function(*index)),
            Operator::CallIndirect {
                type_index: index, ..
            }
            | Operator::ReturnCallIndirect {
                type_index: index, ..
            }
            | Operator::CallRef { type_index: index }
            | Operator::ReturnCallRef { type_index: index } => {
                self.indirect += 1;
                self.indirect / INDIRECT + self.call(bodies.ty(*index))
            }
            Operator::Br { relative_depth: to } | Operator::BrIf { relative_depth: to } => {
                1 + self.branch(*to)
            }
            Operator::BrTable { targets } => {
                let branch = |to: Result<u32, _>| to.map_or(0, |to| 1 + self.branch(to));
                targets.targets().map(branch).sum::<u64>() + 1 + self.branch(targets.default())
            }
            Operator::Return => 1 + self.results,
            _ => 1,
        }
    }

    /// A block: where it ends, a compiler may have to bring every local together.
    fn open(&mut self, arity: Arity, catches: u64) -> u64 {
        self.labels.push(Label {
            values: arity.results,
            is_loop: false,
            handlers: catches,
        });
        self.blocks += 1 + catches;
        self.handlers += catches;
        (1 + catches) * (1 + self.locals + self.blocks / BLOCKS) + BLOCK_VALUE * arity.both()
    }

    /// A loop: the same where it begins.
    fn open_loop(&mut self, arity: Arity) -> u64 {
        self.labels.push(Label {
            values: arity.params,
            is_loop: true,
            handlers: 0,
        });
        self.blocks += 1;
        self.loops += 1;
        self.loop_depth += 1;
        self.loop_params += arity.params;
        1 + self.locals
            + self.blocks / BLOCKS
            + self.loops / LOOPS
            + self.loop_depth * self.loop_depth / LOOP_DEPTH
            + arity.params * (self.loop_params / LOOP_PARAMS)
            + BLOCK_VALUE * arity.both()
    }

    /// A call, which may come back to each of the handlers in reach.
    fn call(&mut self, arity: Arity) -> u64 {
        self.landings += self.handlers;
        CALL + CALL * arity.both() + self.handlers * (LANDING + self.landings / LANDINGS)
    }

    fn branch(&self, depth: u32) -> u64 {
        let at = self.labels.len().checked_sub(1 + depth as usize);
        at.map_or(0, |at| self.labels[at].values)
    }
}
