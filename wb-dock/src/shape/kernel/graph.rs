use std::fmt;
use std::num::NonZeroUsize;

use wb_policy::{Budget, Limits};

use super::instance::Place;
use super::{Kernel, KernelInstance, fan_out};
use crate::error::{Error, ErrorKind};
use crate::frames::{Arena, Region};

/// Kernels that pass frames on to each other.
///
/// A kernel has one input and one output, so a graph is a tree: one kernel takes
/// what the graph is given, and what a kernel makes goes to every kernel behind it.
/// Kernels that import `wb:frames` share an arena, and a frame between two of them is
/// not copied. At an edge to or from any other kernel it is copied, once.
///
/// # Examples
///
/// ```
/// use wb_dock::{Engine, Grant, Graph, Services};
///
/// # let wasm = wat::parse_str(r#"(module
/// #   (memory (export "memory") 1)
/// #   (func (export "in_ptr") (result i32) (i32.const 1024))
/// #   (func (export "out_ptr") (result i32) (i32.const 1024))
/// #   (func (export "process") (param i32) (result i32)
/// #     (i32.store8 (i32.const 1024) (i32.add (i32.load8_u (i32.const 1024)) (i32.const 1)))
/// #     (local.get 0)))"#).unwrap();
/// let program = Engine::new()?.load(&wasm)?;
/// let adds_one = program.admit_kernel("process", &Grant::none(), &Services::default())?;
/// let graph = Graph::builder()
///     .kernel("first", &adds_one)
///     .kernel("second", &adds_one)
///     .edge("first", "second")
///     .build()?;
/// assert_eq!(graph.open()?.run(&[40])?, [42]);
/// # Ok::<(), wb_dock::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Graph {
    /// In an order in which each comes after the one it gets its frames from.
    nodes: Vec<Node>,
    arena: u32,
}

#[derive(Clone, Debug)]
struct Node {
    name: String,
    kernel: Kernel,
    /// Where its frames come from; the first node gets them from outside.
    from: usize,
    /// How many nodes its result goes to.
    readers: usize,
}

/// The parts of a [`Graph`].
#[derive(Clone, Debug)]
pub struct GraphBuilder {
    kernels: Vec<(String, Kernel)>,
    edges: Vec<(String, String)>,
    arena: u32,
}

impl GraphBuilder {
    /// Adds a kernel under a name of its own.
    #[must_use]
    pub fn kernel(mut self, name: impl Into<String>, kernel: &Kernel) -> Self {
        self.kernels.push((name.into(), kernel.clone()));
        self
    }

    /// Passes what the kernel `from` makes to the kernel `to`.
    #[must_use]
    pub fn edge(mut self, from: impl Into<String>, to: impl Into<String>) -> Self {
        self.edges.push((from.into(), to.into()));
        self
    }

    /// Bytes for the frames that are under way at one time: default 32 MiB, rounded
    /// up to 64 KiB. They take memory as they are used.
    #[must_use]
    pub fn arena(mut self, bytes: u32) -> Self {
        self.arena = bytes;
        self
    }

    /// Orders the kernels.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadGraph`] for a name that is there twice or not at all, a kernel
    /// with two inputs, a cycle, and unless there is one kernel without an input.
    pub fn build(self) -> Result<Graph, Error> {
        let bad = |reason: String| Error::from(ErrorKind::BadGraph { reason });
        let find = |name: &str| {
            let mut found = self.kernels.iter().enumerate();
            let found = found.find(|(_, (other, _))| other == name);
            found
                .map(|(index, _)| index)
                .ok_or_else(|| bad(format!("an edge names `{name}`, which is no kernel of it")))
        };
        for (index, (name, _)) in self.kernels.iter().enumerate() {
            if find(name)? != index {
                return Err(bad(format!("two kernels are called `{name}`")));
            }
        }
        let mut parents = vec![None; self.kernels.len()];
        for (from, to) in &self.edges {
            let (from, target) = (find(from)?, find(to)?);
            if parents[target].replace(from).is_some() {
                return Err(bad(format!("`{to}` has two inputs, a kernel has one")));
            }
        }
        let mut roots = (0..parents.len()).filter(|index| parents[*index].is_none());
        let root = roots.next();
        if let (Some(one), Some(two)) = (root, roots.next()) {
            let (one, two) = (&self.kernels[one].0, &self.kernels[two].0);
            return Err(bad(format!(
                "both `{one}` and `{two}` have no input, a graph begins with one kernel"
            )));
        }
        // Depth first: a frame is read soon after it was written.
        let mut order = Vec::new();
        let mut waiting: Vec<(usize, usize)> = root.map(|root| (root, 0)).into_iter().collect();
        let mut nodes: Vec<Node> = Vec::new();
        while let Some((index, from)) = waiting.pop() {
            let place = nodes.len();
            order.push(index);
            let (name, kernel) = &self.kernels[index];
            let readers = (0..parents.len()).filter(|other| parents[*other] == Some(index));
            let readers: Vec<usize> = readers.collect();
            nodes.push(Node {
                name: name.clone(),
                kernel: kernel.clone(),
                from,
                readers: readers.len(),
            });
            waiting.extend(readers.into_iter().rev().map(|reader| (reader, place)));
        }
        if let Some(left) = (0..parents.len()).find(|index| !order.contains(index)) {
            let name = &self.kernels[left].0;
            return Err(bad(format!("`{name}` is in a cycle or behind one")));
        }
        if nodes.is_empty() {
            return Err(bad("it has no kernel".to_owned()));
        }
        Ok(Graph {
            nodes,
            arena: self.arena,
        })
    }
}

impl Graph {
    /// A graph without kernels, to add some.
    pub fn builder() -> GraphBuilder {
        GraphBuilder {
            kernels: Vec::new(),
            edges: Vec::new(),
            arena: 32 << 20,
        }
    }

    /// Makes an instance of every kernel, each under the limits of its own grant. The
    /// arena is charged to the first kernel that uses frames.
    ///
    /// # Errors
    ///
    /// As for [`Kernel::open`].
    pub fn open(&self) -> Result<GraphInstance, Error> {
        let mut arena: Option<Arena> = None;
        let mut instances = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let limits: Limits = node.kernel.grant.limits();
            let budget = Budget::new(node.name.as_str(), limits);
            if node.kernel.uses_frames && arena.is_none() {
                arena = Some(Arena::new(self.arena, &budget)?);
            }
            let shared = arena.as_ref().filter(|_| node.kernel.uses_frames);
            instances.push(KernelInstance::open(&node.kernel, &budget, shared)?);
        }
        Ok(GraphInstance {
            plan: self.nodes.iter().map(Step::of).collect(),
            made: vec![Made::default(); instances.len()],
            instances,
            arena,
        })
    }

    /// Runs the graph with every frame, as [`Kernel::map`] calls a kernel; each worker
    /// has instances and an arena of its own.
    pub fn map<F, T>(
        &self,
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
            || self.open(),
            |graph: &mut GraphInstance, frame| graph.run(frame.as_ref()).map(&take),
            GraphInstance::is_poisoned,
        )
    }
}

/// What a graph instance does at one node.
#[derive(Clone, Copy, Debug)]
struct Step {
    from: usize,
    readers: usize,
    uses_frames: bool,
}

impl Step {
    fn of(node: &Node) -> Self {
        Self {
            from: node.from,
            readers: node.readers,
            uses_frames: node.kernel.uses_frames,
        }
    }
}

/// A result, and how many kernels have not read it yet.
#[derive(Clone, Copy, Default)]
struct Made {
    place: Place,
    unread: usize,
}

/// An instance of a [`Graph`]: its kernels, and the arena they share.
pub struct GraphInstance {
    plan: Vec<Step>,
    instances: Vec<KernelInstance>,
    /// What each kernel made in this run.
    made: Vec<Made>,
    arena: Option<Arena>,
}

impl GraphInstance {
    /// Passes `frame` through the graph and returns what its one last kernel makes;
    /// it lies there until the next run.
    ///
    /// # Errors
    ///
    /// As for [`KernelInstance::call`]; [`ErrorKind::BadGraph`] if the graph ends in
    /// several kernels, for which there is [`run_each`](Self::run_each).
    pub fn run(&mut self, frame: &[u8]) -> Result<&[u8], Error> {
        let mut ends = (0..self.plan.len()).filter(|index| self.plan[*index].readers == 0);
        let (Some(end), None) = (ends.next(), ends.next()) else {
            return Err(ErrorKind::BadGraph {
                reason: "it ends in several kernels, and one result was asked for".to_owned(),
            }
            .into());
        };
        self.pass(frame)?;
        Ok(self.instances[end].bytes(self.made[end].place))
    }

    /// Passes `frame` through the graph and gives `take` the name and the result of
    /// each kernel that has none behind it.
    ///
    /// # Errors
    ///
    /// As for [`KernelInstance::call`].
    pub fn run_each(
        &mut self,
        frame: &[u8],
        mut take: impl FnMut(&str, &[u8]),
    ) -> Result<(), Error> {
        self.pass(frame)?;
        for (index, instance) in self.instances.iter().enumerate() {
            if self.plan[index].readers == 0 {
                take(
                    instance.budget().by(),
                    instance.bytes(self.made[index].place),
                );
            }
        }
        Ok(())
    }

    /// Whether one of the kernels was stopped, so that the graph has to be opened anew.
    pub fn is_poisoned(&self) -> bool {
        self.instances.iter().any(KernelInstance::is_poisoned)
    }

    /// One kernel at a time: nothing in the arena changes while somebody looks.
    fn pass(&mut self, frame: &[u8]) -> Result<(), Error> {
        self.made.fill(Made::default());
        if let Some(arena) = &self.arena {
            arena.regions().clear();
        }
        for index in 0..self.plan.len() {
            let len = if index == 0 {
                self.begin(0, None);
                self.instances[0].copy_in(frame)?;
                frame.len()
            } else {
                self.hand_over(index)?
            };
            let place = self.instances[index].run_in_place(len)?;
            self.finish_input(index);
            self.made[index] = Made {
                place,
                unread: self.plan[index].readers,
            };
        }
        Ok(())
    }

    /// Makes the frame that `index` reads its input.
    fn hand_over(&mut self, index: usize) -> Result<usize, Error> {
        let Step {
            from, uses_frames, ..
        } = self.plan[index];
        let place = self.made[from].place;
        match place.region {
            Some(region) if uses_frames => {
                let frame = Region {
                    len: place.len as u32,
                    ..region
                };
                self.begin(index, Some(frame));
            }
            _ => {
                self.begin(index, None);
                let (before, after) = self.instances.split_at_mut(index);
                after[0].copy_in(before[from].bytes(place))?;
            }
        }
        Ok(place.len)
    }

    /// Opens the window of a kernel on the frame it is about to read.
    fn begin(&mut self, index: usize, frame: Option<Region>) {
        if let Some(frames) = &mut self.instances[index].guest().frames {
            frames.input = frame;
            frames.output = None;
        }
    }

    /// Frees the frame that `index` has read, if it was the last to read it.
    fn finish_input(&mut self, index: usize) {
        let Some(arena) = &self.arena else { return };
        let mut own = true;
        if index > 0 {
            let made = &mut self.made[self.plan[index].from];
            made.unread -= 1;
            if let Some(region) = made.place.region {
                own = !self.plan[index].uses_frames;
                if made.unread == 0 {
                    arena.regions().give_back(region);
                }
            }
        }
        // A frame that was copied in for this kernel alone goes with it.
        if let Some(frames) = &mut self.instances[index].guest().frames
            && let Some(input) = frames.input.take()
            && own
        {
            arena.regions().give_back(input);
        }
    }
}

impl fmt::Debug for GraphInstance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GraphInstance")
            .field("kernels", &self.instances)
            .finish_non_exhaustive()
    }
}
