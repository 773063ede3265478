//! An ONNX file as a program: nodes in their order, tensors in numbered places. Owns what is refused before anything runs;
//! knows no operator's meaning.

use super::ops::{Operator, operator};
use super::proto::{Model, Node, ValueInfo};
use super::tensor::{Result, Tensor};
use prost::Message;
use std::collections::HashMap;

/// Largest file read, bytes.
pub const FILE_BYTES_MAX: usize = 64 << 20;
/// Most nodes of a graph.
const NODES_MAX: usize = 100_000;
/// Most numbers computed for one batch: what needs more is no model of table rows.
const WORK_MAX: usize = 1 << 28;

struct Step {
    node: Node,
    operator: Operator,
    inputs: Vec<Option<usize>>,
    outputs: Vec<usize>,
    /// Places whose tensors nobody needs afterwards.
    spent: Vec<usize>,
}

/// A checked graph.
pub(super) struct Program {
    steps: Vec<Step>,
    constants: Vec<(usize, Tensor)>,
    places: usize,
    input: usize,
    /// Rows of a batch when the file fixes them.
    pub(super) batch_rows: Option<usize>,
    /// Columns when the file says them.
    pub(super) columns: Option<usize>,
    outputs: Vec<(String, usize)>,
}

impl Program {
    /// From a file's bytes.
    pub(super) fn read(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > FILE_BYTES_MAX {
            return Err(format!("{} bytes are more than the {FILE_BYTES_MAX} that are read", bytes.len()));
        }
        let model = Model::decode(bytes).map_err(|error| format!("it is no ONNX file: {error}"))?;
        let graph = model.graph.ok_or("it is no ONNX file: it has no graph")?;
        if graph.nodes.is_empty() || graph.nodes.len() > NODES_MAX {
            return Err(format!("{} nodes, 1 to {NODES_MAX} are understood", graph.nodes.len()));
        }
        let mut names: HashMap<String, usize> = HashMap::new();
        let mut constants = Vec::with_capacity(graph.initializers.len());
        for raw in &graph.initializers {
            let tensor = Tensor::read(raw).map_err(|why| format!("constant {}: {why}", raw.name))?;
            constants.push((names.len(), tensor));
            if names.insert(raw.name.clone(), names.len()).is_some() {
                return Err(format!("constant {} is there twice", raw.name));
            }
        }
        // Older files name their constants among the inputs.
        let inputs: Vec<&ValueInfo> = graph.inputs.iter().filter(|input| !names.contains_key(&input.name)).collect();
        let [info] = inputs[..] else {
            let found: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
            return Err(format!(
                "it has {} inputs ({}), one is understood: a matrix of rows",
                found.len(),
                found.join(", ")
            ));
        };
        let (batch_rows, columns) = shape_of(info)?;
        let input = names.len();
        names.insert(info.name.clone(), input);
        let mut steps = Vec::with_capacity(graph.nodes.len());
        for node in graph.nodes {
            let label = format!("{} {}", node.op_type, node.name);
            steps.push(step(node, &mut names).map_err(|why| format!("node {}: {why}", label.trim_end()))?);
        }
        let outputs = graph.outputs.iter().map(|output| {
            let place =
                names.get(&output.name).copied().ok_or_else(|| format!("output {} is not computed", output.name));
            Ok((output.name.clone(), place?))
        });
        let outputs = outputs.collect::<Result<Vec<_>>>()?;
        if outputs.is_empty() {
            return Err("it has no output".to_owned());
        }
        let mut program = Self { steps, constants, places: names.len(), input, batch_rows, columns, outputs };
        program.plan();
        Ok(program)
    }

    /// Notes after which step each tensor is spent.
    fn plan(&mut self) {
        let mut needed: Vec<bool> = vec![false; self.places];
        for place in self.outputs.iter().map(|(_, place)| *place).chain(self.constants.iter().map(|(place, _)| *place))
        {
            needed[place] = true;
        }
        for step in self.steps.iter_mut().rev() {
            for place in step.inputs.iter().flatten().chain(&step.outputs) {
                if !std::mem::replace(&mut needed[*place], true) {
                    step.spent.push(*place);
                }
            }
        }
    }

    /// Names of the outputs.
    pub(super) fn outputs(&self) -> impl Iterator<Item = &str> {
        self.outputs.iter().map(|(name, _)| name.as_str())
    }

    /// Output number `output` for a batch of rows.
    pub(super) fn run(&self, rows: Tensor, output: usize) -> Result<Tensor> {
        let mut tensors: Vec<Option<Tensor>> = vec![None; self.places];
        let mut constants: Vec<Option<&Tensor>> = vec![None; self.places];
        for (place, tensor) in &self.constants {
            constants[*place] = Some(tensor);
        }
        tensors[self.input] = Some(rows);
        let mut work = 0_usize;
        for step in &self.steps {
            let given: Vec<Option<&Tensor>> = step
                .inputs
                .iter()
                .map(|input| input.and_then(|place| constants[place].or(tensors[place].as_ref())))
                .collect();
            let results = match &step.operator {
                Operator::Plain(run) => run(&step.node, &given),
                Operator::Trees(trees) => given
                    .first()
                    .copied()
                    .flatten()
                    .ok_or_else(|| "no input".to_owned())
                    .and_then(|rows| trees.run(rows)),
            };
            let results = results.map_err(|why| format!("node {} {}: {why}", step.node.op_type, step.node.name))?;
            work += results.iter().map(Tensor::len).sum::<usize>() + 1;
            if work > WORK_MAX {
                return Err(format!("it computes more than {WORK_MAX} numbers for a batch of rows"));
            }
            for (place, tensor) in step.outputs.iter().zip(results) {
                tensors[*place] = Some(tensor);
            }
            for place in &step.spent {
                tensors[*place] = None;
            }
        }
        let (name, place) = &self.outputs[output];
        let result = tensors[*place].take().or_else(|| constants[*place].cloned());
        result.ok_or_else(|| format!("output {name} is not computed"))
    }
}

/// A node with its names looked up; results get new places.
fn step(node: Node, names: &mut HashMap<String, usize>) -> Result<Step> {
    let mut inputs = Vec::with_capacity(node.inputs.len());
    for name in &node.inputs {
        inputs.push(match name.as_str() {
            "" => None,
            name => Some(*names.get(name).ok_or_else(|| format!("its input {name} is not computed before it"))?),
        });
    }
    let mut outputs = Vec::with_capacity(node.outputs.len());
    for name in &node.outputs {
        let place = names.len();
        // A result that nobody named keeps its place in the list all the same.
        let name = if name.is_empty() { format!("\u{0}{place}") } else { name.clone() };
        if names.insert(name.clone(), place).is_some() {
            return Err(format!("its result {name} is there twice"));
        }
        outputs.push(place);
    }
    Ok(Step { operator: operator(&node)?, node, inputs, outputs, spent: Vec::new() })
}

/// Fixed rows and columns of the input.
fn shape_of(info: &ValueInfo) -> Result<(Option<usize>, Option<usize>)> {
    let tensor = info.kind.as_ref().and_then(|kind| kind.tensor.as_ref());
    let tensor = tensor.ok_or_else(|| format!("input {} is no tensor", info.name))?;
    if tensor.element != 1 {
        return Err(format!("input {} is not of 32-bit floats: export with a float input", info.name));
    }
    let Some(shape) = &tensor.shape else { return Ok((None, None)) };
    let dim = |place: usize| shape.dims.get(place).and_then(|dim| usize::try_from(dim.value).ok()).filter(|n| *n > 0);
    if shape.dims.len() != 2 {
        return Err(format!(
            "input {} has {} dimensions, two are understood: rows and columns",
            info.name,
            shape.dims.len()
        ));
    }
    Ok((dim(0).filter(|rows| *rows <= 4096), dim(1)))
}
