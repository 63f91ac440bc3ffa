//! A component in wasmtime as it comes, with a pool like the host's, wasi-nn over the same models, and no limit.

#![allow(unreachable_pub, reason = "the macro gives the types on")]

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
pub use fleetwright_inference::Tensor;
use fleetwright_inference::{ElementType, Model};
use serde_json::{Map, Value};
use wasmtime::component::{Component, HasSelf, Linker, Resource, ResourceTable};
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Result, Store,
};

use self::fleetwright::stage::generation;
use self::wasi::nn::errors::ErrorCode;
use self::wasi::nn::graph::{ExecutionTarget, GraphEncoding};
use self::wasi::nn::tensor::TensorType;
use self::wasi::nn::{errors, graph, inference, tensor};

wasmtime::component::bindgen!({
    world: "fleetwright:stage/stage",
    path: "../../wit",
    with: {
        "wasi:nn/graph.graph": Graph,
        "wasi:nn/tensor.tensor": Tensor,
        "wasi:nn/inference.graph-execution-context": Execution,
        "wasi:nn/errors.error": NnError,
    },
    imports: {
        default: trappable,
        "wasi:nn/inference.[method]graph-execution-context.compute": async | trappable,
    },
    exports: { default: async },
});

pub struct Graph(Model);
pub struct Execution(Model);
pub struct NnError(String);

/// What a call has to do with: its handles, and what its stage is given.
pub(crate) struct State {
    table: ResourceTable,
    given: Arc<Given>,
}

/// What a stage is given: models by role, their cards, and its config.
struct Given {
    models: HashMap<String, Model>,
    cards: HashMap<String, String>,
    config: String,
}

pub(crate) struct Bare {
    engine: Engine,
    stage: StagePre<State>,
    given: Arc<Given>,
}

impl Bare {
    /// A component whose config is `says`, and whose roles are bound to `models`.
    pub(crate) fn new(component: &[u8], says: &str, models: &BTreeMap<String, Model>) -> Self {
        let mut pool = PoolingAllocationConfig::new();
        pool.max_memory_size(1 << 30)
            .table_elements(30_000)
            .linear_memory_keep_resident(512 << 10)
            .table_keep_resident(64 << 10)
            .pagemap_scan(wasmtime::Enabled::Auto);
        let mut config = Config::new();
        config
            .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
            .concurrency_support(false);
        let engine = Engine::new(&config).unwrap();
        let component = Component::from_binary(&engine, component).unwrap();
        let mut linker = Linker::new(&engine);
        Stage::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state).unwrap();
        let linked = linker.instantiate_pre(&component).unwrap();
        let cards = models.iter();
        let cards = cards.map(|(role, model)| (role.clone(), model.card().to_guest_json()));
        Bare {
            engine,
            stage: StagePre::new(linked).unwrap(),
            given: Arc::new(Given {
                cards: cards.collect(),
                models: models.clone().into_iter().collect(),
                config: says.to_owned(),
            }),
        }
    }

    /// Calls it once, and parses what it answers, as it has to be.
    pub(crate) async fn call(&self, fields: &str) -> Map<String, Value> {
        let state = State {
            table: ResourceTable::new(),
            given: self.given.clone(),
        };
        let mut store = Store::new(&self.engine, state);
        let instance = self.stage.instantiate_async(&mut store).await.unwrap();
        let request = exports::fleetwright::stage::handler::Request {
            fields: fields.into(),
            attachments: Vec::new(),
        };
        let handler = instance.fleetwright_stage_handler();
        let answer = handler.call_handle(&mut store, &request).await;
        let answer = answer.unwrap().unwrap();
        serde_json::from_str(&answer.fields).unwrap()
    }
}

impl fleetwright::stage::config::Host for State {
    fn get(&mut self) -> Result<String> {
        Ok(self.given.config.clone())
    }

    fn card(&mut self, role: String) -> Result<Option<String>> {
        Ok(self.given.cards.get(&role).cloned())
    }
}

impl fleetwright::stage::logging::Host for State {
    fn log(&mut self, _: fleetwright::stage::logging::Level, _: String) -> Result<()> {
        Ok(())
    }
}

impl tensor::Host for State {}

impl tensor::HostTensor for State {
    fn new(&mut self, dims: Vec<u32>, ty: TensorType, data: Vec<u8>) -> Result<Resource<Tensor>> {
        let ty = match ty {
            TensorType::Fp32 => ElementType::F32,
            TensorType::I64 => ElementType::I64,
            other => panic!("no shipped stage gives {other:?}"),
        };
        let tensor = Tensor::new(dims, ty, Bytes::from(data)).unwrap();
        Ok(self.table.push(tensor)?)
    }

    fn dimensions(&mut self, tensor: Resource<Tensor>) -> Result<Vec<u32>> {
        Ok(self.table.get(&tensor)?.dims().to_vec())
    }

    fn ty(&mut self, tensor: Resource<Tensor>) -> Result<TensorType> {
        Ok(match self.table.get(&tensor)?.ty() {
            ElementType::F32 => TensorType::Fp32,
            ElementType::I64 => TensorType::I64,
            other => panic!("no shipped model gives {other:?}"),
        })
    }

    fn data(&mut self, tensor: Resource<Tensor>) -> Result<Vec<u8>> {
        Ok(self.table.get(&tensor)?.data().to_vec())
    }

    fn drop(&mut self, tensor: Resource<Tensor>) -> Result<()> {
        self.table.delete(tensor)?;
        Ok(())
    }
}

impl graph::Host for State {
    fn load(
        &mut self,
        _: Vec<Vec<u8>>,
        _: GraphEncoding,
        _: ExecutionTarget,
    ) -> Result<std::result::Result<Resource<Graph>, Resource<NnError>>> {
        panic!("no shipped stage loads from bytes")
    }

    fn load_by_name(
        &mut self,
        role: String,
    ) -> Result<std::result::Result<Resource<Graph>, Resource<NnError>>> {
        Ok(match self.given.models.get(&role).cloned() {
            Some(model) => Ok(self.table.push(Graph(model))?),
            None => Err(self.table.push(NnError(format!("no model for `{role}`")))?),
        })
    }
}

impl graph::HostGraph for State {
    fn init_execution_context(
        &mut self,
        graph: Resource<Graph>,
    ) -> Result<std::result::Result<Resource<Execution>, Resource<NnError>>> {
        let model = self.table.get(&graph)?.0.clone();
        Ok(Ok(self.table.push(Execution(model))?))
    }

    fn drop(&mut self, graph: Resource<Graph>) -> Result<()> {
        self.table.delete(graph)?;
        Ok(())
    }
}

impl inference::Host for State {}

impl inference::HostGraphExecutionContext for State {
    async fn compute(
        &mut self,
        execution: Resource<Execution>,
        inputs: Vec<(String, Resource<Tensor>)>,
    ) -> Result<std::result::Result<Vec<(String, Resource<Tensor>)>, Resource<NnError>>> {
        let mut given = Vec::with_capacity(inputs.len());
        for (name, handle) in inputs {
            given.push((name, self.table.delete(handle)?));
        }
        let model = self.table.get(&execution)?.0.clone();
        let until = Instant::now() + Duration::from_secs(20);
        let inferred = model
            .infer(given, tokio::time::Instant::from_std(until))
            .await;
        let inferred = inferred.unwrap();
        let mut outputs = Vec::with_capacity(inferred.outputs.len());
        for (name, tensor) in inferred.outputs {
            outputs.push((name, self.table.push(tensor)?));
        }
        Ok(Ok(outputs))
    }

    fn drop(&mut self, execution: Resource<Execution>) -> Result<()> {
        self.table.delete(execution)?;
        Ok(())
    }
}

impl errors::Host for State {}

impl errors::HostError for State {
    fn code(&mut self, _: Resource<NnError>) -> Result<ErrorCode> {
        Ok(ErrorCode::NotFound)
    }

    fn data(&mut self, error: Resource<NnError>) -> Result<String> {
        Ok(self.table.get(&error)?.0.clone())
    }

    fn drop(&mut self, error: Resource<NnError>) -> Result<()> {
        self.table.delete(error)?;
        Ok(())
    }
}

/// The SDK imports it for all stages; none of those that are measured generates.
impl generation::Host for State {
    fn start(
        &mut self,
        role: String,
        _prompt: String,
        _options: String,
    ) -> Result<Result<Resource<generation::Text>, Resource<NnError>>> {
        wasmtime::bail!("`{role}` is to generate, and nothing here does")
    }
}

impl generation::HostText for State {
    fn next(
        &mut self,
        _text: Resource<generation::Text>,
    ) -> Result<Result<Option<String>, Resource<NnError>>> {
        wasmtime::bail!("nothing here generates")
    }

    fn usage(&mut self, _text: Resource<generation::Text>) -> Result<Option<String>> {
        wasmtime::bail!("nothing here generates")
    }

    fn drop(&mut self, _text: Resource<generation::Text>) -> Result<()> {
        wasmtime::bail!("nothing here generates")
    }
}
