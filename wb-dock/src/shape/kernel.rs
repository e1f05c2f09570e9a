use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use wasmtime::{InstancePre, Module};
use wb_policy::{Budget, Grant};

use crate::error::{Error, ErrorKind};
use crate::frames::Arena;
use crate::guest::Guest;
use crate::program::Program;
use crate::services::Services;

mod fan_out;
mod graph;
mod instance;

pub use graph::{Graph, GraphBuilder, GraphInstance};
pub use instance::KernelInstance;

/// The arena of a kernel that uses frames outside of a graph, in bytes.
const OWN_ARENA: u32 = 16 << 20;

/// A program that was admitted as a kernel: bytes in, bytes out, instantiated once
/// and called any number of times.
///
/// It exports `memory`, an entry `(in_len: i32) -> i32` and the functions `in_ptr`
/// and `out_ptr`, which tell once where its buffers are. The caller writes a frame at
/// `in_ptr`; the entry returns how many bytes of result are at `out_ptr`, or an error
/// of its own below 0. With `in_cap` and `out_cap` it says how long its buffers
/// are; without them they end with its memory. A function `_initialize` is called first.
///
/// Cloning shares the code. See [`Program::admit_kernel`].
#[derive(Clone)]
pub struct Kernel {
    program: Program,
    linked: InstancePre<Guest>,
    entry: Arc<str>,
    grant: Arc<Grant>,
    services: Arc<Services>,
    /// Whether it takes its frames from an arena.
    pub(super) uses_frames: bool,
    /// Whether it calls anything that looks at the time left.
    pub(super) needs_clock: bool,
}

impl Kernel {
    pub(crate) fn new(
        program: Program,
        linked: InstancePre<Guest>,
        entry: &str,
        grant: &Grant,
        services: &Services,
    ) -> Result<Self, Error> {
        check_exports(linked.module(), entry)?;
        let uses_frames = program.imports().any(|(module, _)| module == "wb:frames");
        let needs_clock = program.imports().any(|(module, _)| module != "wb:frames");
        Ok(Self {
            program,
            linked,
            entry: entry.into(),
            grant: Arc::new(grant.clone()),
            services: Arc::new(services.clone()),
            uses_frames,
            needs_clock,
        })
    }

    /// The program behind the kernel.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Makes an instance, called `name` in messages.
    ///
    /// The instance has the limits of the grant for as long as it lives, but for the
    /// wall time, which every call has anew. A call runs on the caller's stack, of
    /// which it needs up to 1 MiB. A kernel that imports `wb:frames` gets an arena of its
    /// own of 16 MiB, which counts against its memory. What it prints is dropped.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Limit`] and [`ErrorKind::Trap`] from what it does at its start,
    /// [`ErrorKind::BadFrame`] for a buffer outside of its memory, and
    /// [`ErrorKind::NoFrames`] where it uses frames and this system has no arena (only
    /// Linux has) or its memory no room for one.
    pub fn open(&self, name: &str) -> Result<KernelInstance, Error> {
        let budget = Budget::new(name, self.grant.limits());
        let arena = self
            .uses_frames
            .then(|| Arena::new(OWN_ARENA, &budget))
            .transpose()?;
        let mut instance = KernelInstance::open(self, &budget, arena.as_ref())?;
        instance.own_arena = arena;
        Ok(instance)
    }

    /// Calls the kernel with every frame, on up to `width` threads at a time with an
    /// instance each, and gives `take` each result where it lies.
    ///
    /// What comes back is in the order of the frames. A frame that fails has its
    /// error; the others are not affected, and an instance that crashed is replaced.
    /// The calling thread works too.
    pub fn map<F, T>(
        &self,
        name: &str,
        frames: &[F],
        width: NonZeroUsize,
        take: impl Fn(&[u8]) -> T + Sync,
    ) -> Vec<Result<T, Error>>
    where
        F: AsRef<[u8]> + Sync,
        T: Send,
    {
        fan_out::run(
            frames,
            width,
            || self.open(name),
            |instance: &mut KernelInstance, frame| instance.call(frame.as_ref()).map(&take),
            KernelInstance::is_poisoned,
        )
    }

    pub(super) fn name_of_entry(&self) -> &str {
        &self.entry
    }
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kernel")
            .field("entry", &self.entry)
            .field("caps", &self.grant.caps())
            .finish_non_exhaustive()
    }
}

fn check_exports(module: &Module, entry: &str) -> Result<(), Error> {
    let wrong = |reason: String| Err(ErrorKind::NotAKernel { reason }.into());
    let memory = module.get_export("memory");
    if memory.is_none_or(|export| export.memory().is_none_or(wasmtime::MemoryType::is_shared)) {
        return wrong("it exports no `memory`".to_owned());
    }
    let functions = [
        (entry, 1, true),
        ("in_ptr", 0, true),
        ("out_ptr", 0, true),
        ("in_cap", 0, false),
        ("out_cap", 0, false),
    ];
    for (name, params, required) in functions {
        let Some(export) = module.get_export(name) else {
            if required {
                return wrong(format!("it exports no function `{name}`"));
            }
            continue;
        };
        let fits = export.func().is_some_and(|ty| {
            ty.params().len() == params
                && ty.params().all(|ty| ty.is_i32())
                && ty.results().len() == 1
                && ty.results().all(|ty| ty.is_i32())
        });
        if !fits {
            let wanted = if params == 1 { "(i32)" } else { "()" };
            return wrong(format!(
                "its export `{name}` is no function {wanted} -> i32"
            ));
        }
    }
    Ok(())
}
