use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use wasmtime::{Instance, Memory, Store, TypedFunc, UpdateDeadline};
use wb_policy::{Budget, Resource, Usage};

use super::Kernel;
use crate::client::{Account, Client};
use crate::engine::Held;
use crate::error::{Error, ErrorKind};
use crate::frames::{Arena, Region};
use crate::fs::FileSystem;
use crate::guest::Guest;
use crate::limits::{Meter, Stop};
use crate::shape::Command;
use crate::shape::store::store;
use crate::wasi::{Output, Wasi};

/// An instance of a [`Kernel`], to be called any number of times.
///
/// What a call leaves in the memory of the instance, the next one finds there.
pub struct KernelInstance {
    store: Store<Guest>,
    memory: Memory,
    entry: TypedFunc<i32, i32>,
    input: Buffer,
    output: Buffer,
    uses_frames: bool,
    needs_clock: bool,
    poisoned: bool,
    /// Units of fuel it started with, if they are counted.
    fuel: Option<u64>,
    pub(super) own_arena: Option<Arena>,
    _ticking: Held,
}

/// A buffer of the kernel: where it says that frames go.
#[derive(Clone, Copy)]
struct Buffer {
    start: usize,
    /// How long it is; up to the end of memory if the kernel does not tell.
    cap: usize,
}

impl Buffer {
    fn range(self, len: usize) -> Option<Range<usize>> {
        let end = self.start.checked_add(len)?;
        (len <= self.cap).then_some(self.start..end)
    }
}

/// Where the result of a call lies in the memory of an instance.
#[derive(Clone, Copy, Default)]
pub(super) struct Place {
    pub(super) start: usize,
    pub(super) len: usize,
    /// The part of the arena it is in.
    pub(super) region: Option<Region>,
}

impl KernelInstance {
    pub(super) fn open(
        kernel: &Kernel,
        budget: &Budget,
        arena: Option<&Arena>,
    ) -> Result<Self, Error> {
        let engine = kernel.program.engine();
        let kernels = engine.kernels()?;
        let ticking = kernels.hold()?;
        let meter = Meter::start(budget.clone());
        let account = Account {
            meter: meter.clone(),
            alone: true,
            share: 1,
        };
        let services = Arc::clone(&kernel.services);
        let client = Client::new(services, Arc::clone(&kernel.grant), account);
        let mut wasi = Wasi::new(meter, FileSystem::new(Vec::new(), budget)?);
        wasi.args = vec![budget.by().to_string()];
        // A kernel has no streams. What its libc prints is counted and dropped.
        wasi.stdout = Output::stream(std::io::sink());
        wasi.stderr = Output::stream(std::io::sink());
        wasi.clock = kernel.services.clock.clone();
        wasi.random = kernel.services.random.clone();
        let fuel = engine.counts_fuel().then(|| {
            let most = budget.remaining(Resource::Fuel);
            budget.take_fuel(most).unwrap_or(u64::MAX)
        });
        let mut store = store(kernels.raw(), Guest::new(wasi, client), fuel)?;
        limit_each_call(&mut store);
        let (instance, memory) = instantiate(kernel, &mut store)?;
        if let Some(arena) = arena {
            arena.attach(memory, &mut store)?;
        }
        if let Ok(initialize) = instance.get_typed_func::<(), ()>(&mut store, "_initialize") {
            let done = initialize.call(&mut store, ());
            done.map_err(|error| stopped(&error, &store))?;
        }
        let input = buffer(&instance, &mut store, memory, "in_ptr", "in_cap")?;
        let output = buffer(&instance, &mut store, memory, "out_ptr", "out_cap")?;
        let entry = instance
            .get_typed_func(&mut store, kernel.name_of_entry())
            .expect("the exports were checked when the kernel was admitted");
        Ok(Self {
            store,
            memory,
            entry,
            input,
            output,
            uses_frames: kernel.uses_frames,
            needs_clock: kernel.needs_clock,
            poisoned: false,
            fuel,
            own_arena: None,
            _ticking: ticking,
        })
    }

    /// Calls the kernel with `frame` and returns its result, which lies in the
    /// memory of the instance until the next call.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::KernelFailed`] with the kernel's own error, and
    /// [`ErrorKind::BadFrame`] when `frame` or the result does not fit its buffer: both
    /// leave the instance as good as it was. [`ErrorKind::Limit`] and
    /// [`ErrorKind::Trap`] end it, and calls after that are [`ErrorKind::InstanceOver`].
    #[inline]
    pub fn call(&mut self, frame: &[u8]) -> Result<&[u8], Error> {
        self.copy_in(frame)?;
        self.run(frame.len())
    }

    /// The buffer for a frame of `len` bytes, to be written in place; [`run`](Self::run)
    /// comes next. It holds what was there before.
    ///
    /// # Errors
    ///
    /// As for [`call`](Self::call).
    #[inline]
    pub fn input(&mut self, len: usize) -> Result<&mut [u8], Error> {
        let range = if self.uses_frames {
            self.frame_range(len)
        } else {
            self.input.range(len)
        };
        let (data, guest) = self.memory.data_and_store_mut(&mut self.store);
        range.and_then(|range| data.get_mut(range)).ok_or_else(|| {
            bad_frame(
                guest,
                format!("a frame of {len} bytes does not fit its input"),
            )
        })
    }

    /// Calls the kernel with the `len` bytes that were written to [`input`](Self::input).
    ///
    /// # Errors
    ///
    /// As for [`call`](Self::call).
    #[inline]
    pub fn run(&mut self, len: usize) -> Result<&[u8], Error> {
        let result = self.run_in_place(len)?;
        Ok(self.bytes(result))
    }

    /// Whether a call has ended the instance.
    pub fn is_poisoned(&self) -> bool {
        self.poisoned
    }

    /// What the instance has used since it was opened.
    pub fn usage(&self) -> Usage {
        let mut usage = self.budget().usage();
        if let Some(fuel) = self.fuel {
            usage.fuel = fuel - self.store.get_fuel().unwrap_or(0).min(fuel);
        }
        usage
    }

    #[inline]
    pub(super) fn copy_in(&mut self, frame: &[u8]) -> Result<(), Error> {
        self.input(frame.len())?.copy_from_slice(frame);
        Ok(())
    }

    #[inline]
    pub(super) fn run_in_place(&mut self, len: usize) -> Result<Place, Error> {
        if self.poisoned {
            return Err(ErrorKind::InstanceOver {
                command: self.name(),
            }
            .into());
        }
        let guest = self.store.data_mut();
        if self.needs_clock {
            // Its host calls ask how much time is left, so it has to start now.
            guest.wasi.meter.renew();
        } else {
            guest.calls += 1;
        }
        if self.uses_frames
            && let Some(frames) = &mut guest.frames
        {
            frames.begin(self.own_arena.is_some());
        }
        let Ok(len) = u32::try_from(len) else {
            return Err(bad_frame(
                guest,
                format!("a frame of {len} bytes does not fit any memory"),
            ));
        };
        let returned = match self.entry.call(&mut self.store, len.cast_signed()) {
            Ok(returned) => returned,
            Err(error) => {
                self.poisoned = true;
                return Err(stopped(&error, &self.store));
            }
        };
        let Ok(len) = usize::try_from(returned) else {
            return Err(ErrorKind::KernelFailed {
                kernel: self.name(),
                code: returned,
            }
            .into());
        };
        let result = self.result(len).filter(|result| {
            let memory = self.memory.data_size(&self.store);
            result
                .start
                .checked_add(len)
                .is_some_and(|end| end <= memory)
        });
        result.ok_or_else(|| {
            bad_frame(
                self.store.data(),
                format!("a result of {len} bytes does not fit its output"),
            )
        })
    }

    /// The bytes of a result of this instance.
    #[inline]
    pub(super) fn bytes(&self, result: Place) -> &[u8] {
        // `run_in_place` has checked it, and memory does not shrink.
        &self.memory.data(&self.store)[result.start..][..result.len]
    }

    pub(super) fn guest(&mut self) -> &mut Guest {
        self.store.data_mut()
    }

    pub(super) fn budget(&self) -> &Budget {
        self.store.data().wasi.meter.budget()
    }

    fn name(&self) -> String {
        self.budget().by().to_string()
    }

    #[inline]
    fn result(&mut self, len: usize) -> Option<Place> {
        if self.uses_frames
            && let Some(frames) = &self.store.data().frames
            && let Some(region) = frames.output
        {
            return (len <= region.len as usize).then(|| Place {
                start: frames.pointer(region) as usize,
                len,
                region: Some(region),
            });
        }
        let range = self.output.range(len)?;
        Some(Place {
            start: range.start,
            len,
            region: None,
        })
    }

    /// Takes a new frame for the input. An instance with an arena of its own then has
    /// no other; in a graph, the frames of the other kernels stay.
    fn frame_range(&mut self, len: usize) -> Option<Range<usize>> {
        let frames = self.store.data_mut().frames.as_mut()?;
        if self.own_arena.is_some() {
            frames.clear();
        }
        let region = frames.reserve(u32::try_from(len).ok()?)?;
        frames.input = Some(region);
        let start = frames.pointer(region) as usize;
        Some(start..start + len)
    }
}

impl fmt::Debug for KernelInstance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KernelInstance")
            .field("name", &self.budget().by())
            .field("poisoned", &self.poisoned)
            .finish_non_exhaustive()
    }
}

/// Gives every call the whole wall time, without a look at the clock for each: ticks
/// come only while guests run, and the first in a call starts its time. So a call may
/// take one tick longer than its limit, and never less.
fn limit_each_call(store: &mut Store<Guest>) {
    let mut noticed = 0;
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(move |mut store| {
        let guest = store.data_mut();
        if noticed == guest.calls {
            let in_time = guest.wasi.meter.check_time();
            in_time.map_err(Stop::Limit)?;
        } else {
            noticed = guest.calls;
            guest.wasi.meter.renew();
        }
        Ok(UpdateDeadline::Continue(1))
    });
}

fn instantiate(kernel: &Kernel, store: &mut Store<Guest>) -> Result<(Instance, Memory), Error> {
    let instance = kernel.linked.instantiate(&mut *store);
    let instance = instance.map_err(|error| stopped(&error, store))?;
    let memory = instance
        .get_memory(&mut *store, "memory")
        .expect("the exports were checked when the kernel was admitted");
    store.data_mut().memory = Some(memory);
    Ok((instance, memory))
}

/// Asks the kernel for one of its buffers.
fn buffer(
    instance: &Instance,
    store: &mut Store<Guest>,
    memory: Memory,
    start: &str,
    cap: &str,
) -> Result<Buffer, Error> {
    let mut ask = |name: &str| {
        let function = instance.get_typed_func::<(), i32>(&mut *store, name).ok();
        let answer = function.map(|function| function.call(&mut *store, ()));
        // Addresses are unsigned.
        answer
            .transpose()
            .map(|answer| answer.map(|number| number.cast_unsigned() as usize))
            .map_err(|error| stopped(&error, store))
    };
    let pointer = ask(start)?.unwrap_or_default();
    let told = ask(cap)?;
    let size = memory.data_size(&*store);
    let room = size.checked_sub(pointer);
    if room.is_none() || told.zip(room).is_some_and(|(told, room)| told > room) {
        return Err(bad_frame(
            store.data(),
            format!("`{start}` is a buffer outside of its memory of {size} bytes"),
        ));
    }
    Ok(Buffer {
        start: pointer,
        cap: told.unwrap_or(usize::MAX),
    })
}

#[cold]
fn bad_frame(guest: &Guest, reason: String) -> Error {
    ErrorKind::BadFrame {
        kernel: guest.wasi.meter.budget().by().to_string(),
        reason,
    }
    .into()
}

/// Why a kernel did not return.
#[cold]
fn stopped(error: &wasmtime::Error, store: &Store<Guest>) -> Error {
    let budget = store.data().wasi.meter.budget();
    Command::failure(error, budget).map_or_else(
        |error| error,
        |code| {
            ErrorKind::Trap {
                command: budget.by().to_string(),
                message: format!("it exited with {code} instead of returning"),
            }
            .into()
        },
    )
}
