// node time.js FILE THREADS RUNS: prints the milliseconds of each run, one a line, as model_times does.
const onnx = require("onnxruntime-node");

const dimsOf = { resnet50: [1, 3, 224, 224], mobilenet_v2: [1, 3, 224, 224], unet: [1, 3, 256, 256], yolo_v5s: [1, 3, 320, 320], espcn_x2: [1, 1, 360, 640] };
const warmUps = 3;

async function main() {
  const [file, threads, runs] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
  const session = await onnx.InferenceSession.create(file, {
    executionProviders: ["cpu"],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: "all",
  });
  const dims = dimsOf[file.split("/").pop().replace(".onnx", "")];
  const elements = new Float32Array(dims.reduce((a, b) => a * b)).map((_, i) => (i * 7919 % 1000) / 1000);
  const feeds = { [session.inputNames[0]]: new onnx.Tensor("float32", elements, dims) };
  for (let i = 0; i < warmUps + runs; ++i) {
    const begin = process.hrtime.bigint();
    await session.run(feeds);
    if (i >= warmUps) console.log((Number(process.hrtime.bigint() - begin) / 1e6).toFixed(4));
  }
}

main().catch((failure) => {
  console.error(failure.message);
  process.exit(1);
});
