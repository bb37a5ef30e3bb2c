"use strict";
// Shows the surfaces of a mesh. Every triangle knows the phase behind it and the one in front of it, so that what a
// pixel shows follows from the first triangle behind the cut: seen from inside a shown phase it is that phase's cut face.
(() => {
const data = JSON.parse(document.getElementById("data").textContent);
const $ = id => document.getElementById(id);
const canvas = $("canvas"), gl = canvas.getContext("webgl2", { antialias: true });
if (!gl) { $("message").textContent = "This browser has no WebGL 2, which the view needs."; return; }

const bytes = text => Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer;
const colour = hex => [1, 3, 5].map(i => parseInt(hex.slice(i, i + 2), 16) / 255);
const add = (parent, tag, properties, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children); parent.append(made); return made;
};

const VERTEX = `#version 300 es
in vec3 position; in vec3 normal;
uniform mat4 camera; centroid out vec3 place; centroid out vec3 direction;
void main() { place = position; direction = normal; gl_Position = camera * vec4(position, 1.0); }`;
const FRAGMENT = `#version 300 es
precision highp float;
// at a silhouette the middle of a pixel may lie off the triangle, and far across the cut
centroid in vec3 place; centroid in vec3 direction;
uniform vec4 behind, front; // colour and whether it is shown
uniform vec4 cut;           // kept where dot(cut.xyz, place) <= cut.w
uniform vec3 eye, up;       // directions to the eye and of the picture's vertical
uniform int mode;           // 0 solid, 1 surface only, 2 number of the patch
uniform vec2 number;
out vec4 pixel;
vec3 lit(vec3 base, vec3 n) {
  vec3 side = cross(up, eye);
  float light = 0.5 + 0.46 * max(0.0, dot(n, normalize(eye - 1.2 * side + 1.4 * up)))
              + 0.36 * max(0.0, dot(n, normalize(eye + 2.0 * side)));
  return base * min(light, 1.2);
}
void main() {
  if (dot(cut.xyz, place) > cut.w) discard;
  vec4 seen = gl_FrontFacing ? front : behind, other = gl_FrontFacing ? behind : front;
  vec3 n = normalize(direction);
  if (dot(n, eye) < 0.0) n = -n;
  if (mode == 1) { pixel = vec4(lit(other.rgb, n), 1.0); return; }
  if (seen.a < 0.5 && other.a < 0.5) discard;
  if (mode == 2) { pixel = vec4(number, seen.a < 0.5 ? 0.0 : gl_FrontFacing ? 1.0 : 0.5, 1.0); return; }
  pixel = vec4(seen.a > 0.5 ? mix(seen.rgb, vec3(1.0), 0.12) : lit(other.rgb, n), 1.0);
}`;

function compile() {
  const program = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, text); gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
  return program;
}
const program = compile(), at = {};
for (const name of ["camera", "behind", "front", "cut", "eye", "up", "mode", "number"])
  at[name] = gl.getUniformLocation(program, name);

function normals(points, index) {
  const n = new Float32Array(points.length);
  for (let t = 0; t < index.length; t += 3) {
    const [a, b, c] = [3 * index[t], 3 * index[t + 1], 3 * index[t + 2]];
    const u = [0, 1, 2].map(k => points[b + k] - points[a + k]), v = [0, 1, 2].map(k => points[c + k] - points[a + k]);
    const cross = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
    for (const corner of [a, b, c]) for (let k = 0; k < 3; k++) n[corner + k] += cross[k];
  }
  return n;
}
function upload(patch) {
  const points = new Float32Array(bytes(patch.points)), index = new Uint32Array(bytes(patch.triangles));
  const array = gl.createVertexArray();
  gl.bindVertexArray(array);
  for (const [name, values] of [["position", points], ["normal", normals(points, index)]]) {
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
    const place = gl.getAttribLocation(program, name);
    gl.enableVertexAttribArray(place); gl.vertexAttribPointer(place, 3, gl.FLOAT, false, 0, 0);
  }
  gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, index, gl.STATIC_DRAW);
  return { ...patch, array, count: index.length, points: null, triangles: null };
}
const patches = data.patches.map(upload), worst = data.worst.points ? upload(data.worst) : null;

// state, which the address can hold: #hide=NMC&only=A|B&slice=x,0.5&worst
const start = { turn: -0.6, tilt: 0.42, zoom: 1, move: [0, 0] };
const view = { ...start, hidden: new Set(data.phases.filter(p => !p.meshed).map(p => p.name)), only: new Set(),
               axis: "", place: 0.5, flip: false, worst: false };
for (const part of (decodeURIComponent(location.hash.slice(1)) || data.start).split("&")) {
  const [key, value = ""] = part.split("=");
  if (key === "hide") value.split(",").forEach(name => view.hidden.add(name));
  if (key === "only") value.split(",").forEach(name => view.only.add(name));
  if (key === "slice") { const [axis, place] = value.split(","); view.axis = axis; view.place = Number(place ?? 0.5); }
  if (key === "flip") view.flip = true;
  if (key === "worst") view.worst = true;
}
const palette = Object.fromEntries(data.phases.map(p => [p.name, colour(p.colour)]));

function axes() {
  const [a, b] = [view.turn, view.tilt];
  const eye = [Math.cos(b) * Math.sin(-a), -Math.cos(b) * Math.cos(a), Math.sin(b)];
  const right = [Math.cos(a), -Math.sin(a), 0];
  const up = [eye[1] * right[2] - eye[2] * right[1], eye[2] * right[0] - eye[0] * right[2],
              eye[0] * right[1] - eye[1] * right[0]];
  return { eye, right, up };
}
function camera({ eye, right, up }) {
  const s = view.zoom, w = s * Math.min(1, canvas.height / canvas.width), h = s * Math.min(1, canvas.width / canvas.height);
  const row = (v, k, t) => [v[0] * k, v[1] * k, v[2] * k, t];
  const [x, y, z] = [row(right, w, view.move[0]), row(up, h, view.move[1]), row(eye, -0.2, 0)];
  return new Float32Array([0, 1, 2, 3].flatMap(i => [x[i], y[i], z[i], i === 3 ? 1 : 0]));
}
function paint(picking) {
  const look = axes();
  gl.viewport(0, 0, canvas.width, canvas.height);
  gl.clearColor(...(picking ? [0, 0, 0, 0] : [1, 1, 1, 1]));
  gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
  gl.enable(gl.DEPTH_TEST); gl.useProgram(program);
  gl.uniformMatrix4fv(at.camera, false, camera(look));
  gl.uniform3fv(at.eye, look.eye); gl.uniform3fv(at.up, look.up);
  const k = "xyz".indexOf(view.axis), sign = view.flip ? -1 : 1, half = k < 0 || !view.axis ? 0 : data.half[k];
  const plane = [0, 0, 0, 1];
  if (view.axis && k >= 0) { plane[k] = sign; plane[3] = sign * (2 * view.place - 1) * half; }
  gl.uniform4fv(at.cut, plane);
  patches.forEach((patch, i) => {
    if (view.only.size && !view.only.has(patch.name)) return;
    const side = name => [...(palette[name] ?? [0.6, 0.6, 0.6]), name in palette && !view.hidden.has(name) ? 1 : 0];
    const [behind, front] = [side(patch.behind), side(patch.front)];
    if (view.only.size && !(patch.front in palette)) front.splice(0, 3, ...behind.slice(0, 3));
    gl.uniform4fv(at.behind, behind); gl.uniform4fv(at.front, front);
    gl.uniform1i(at.mode, picking ? 2 : view.only.size ? 1 : 0);
    gl.uniform2f(at.number, ((i + 1) & 255) / 255, ((i + 1) >> 8) / 255);
    gl.bindVertexArray(patch.array); gl.drawElements(gl.TRIANGLES, patch.count, gl.UNSIGNED_INT, 0);
  });
  if (worst && view.worst && !picking) {
    gl.clear(gl.DEPTH_BUFFER_BIT);
    const red = [0.85, 0, 0.35, 1];
    gl.uniform4fv(at.behind, red); gl.uniform4fv(at.front, red); gl.uniform1i(at.mode, 1);
    gl.bindVertexArray(worst.array); gl.drawElements(gl.TRIANGLES, worst.count, gl.UNSIGNED_INT, 0);
  }
}
function scaleBar() {
  const pixels = view.zoom * Math.min(canvas.clientWidth, canvas.clientHeight) / 2;  // a scene unit
  const wanted = 0.25 * canvas.clientWidth / pixels * data.scale, ten = 10 ** Math.floor(Math.log10(wanted));
  const length = [5, 2, 1].map(f => f * ten).find(l => l <= wanted);
  const [unit, size] = [["mm", 1e-3], ["µm", 1e-6], ["nm", 1e-9]].find(u => length >= u[1] * 0.999) ?? ["nm", 1e-9];
  $("scale").style.width = `${length / data.scale * pixels}px`;
  $("scale").textContent = `${Number((length / size).toPrecision(3))} ${unit}`;
}
let waiting = false;
function draw() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    const ratio = window.devicePixelRatio || 1;
    const [w, h] = [canvas.clientWidth, canvas.clientHeight].map(v => Math.max(1, Math.round(v * ratio)));
    if (canvas.width !== w || canvas.height !== h) { canvas.width = w; canvas.height = h; }
    paint(false); scaleBar();
    document.body.dataset.drawn = patches.filter(p => !view.only.size || view.only.has(p.name)).length;
    document.body.dataset.error = gl.getError();
  });
}
function pick(event) {
  const box = canvas.getBoundingClientRect(), ratio = canvas.width / box.width, pixel = new Uint8Array(4);
  paint(true);
  gl.readPixels((event.clientX - box.left) * ratio, canvas.height - 1 - (event.clientY - box.top) * ratio, 1, 1,
                gl.RGBA, gl.UNSIGNED_BYTE, pixel);
  const found = patches[pixel[0] + 256 * pixel[1] - 1];
  const inside = pixel[2] > 64 && !view.only.size, phase = found && (pixel[2] > 192 ? found.front : found.behind);
  $("message").textContent = !found ? "" : inside ? `${phase}, cut` : `${found.name}: ${found.area}`;
  draw();
}

// the panel
for (const phase of data.phases.filter(p => p.meshed)) {
  const box = add($("phases"), "label", {});
  const input = add(box, "input", { type: "checkbox", checked: !view.hidden.has(phase.name) });
  add(box, "i", {}).style.background = phase.colour;
  add(box, "span", { textContent: phase.name }); add(box, "small", { textContent: phase.share });
  input.onchange = () => { input.checked ? view.hidden.delete(phase.name) : view.hidden.add(phase.name); draw(); };
}
for (const [where, list] of [["interfaces", patches.filter(p => p.name.includes("|"))],
                             ["sides", patches.filter(p => !p.name.includes("|"))]]) {
  for (const patch of list) {
    const box = add($(where), "label", {});
    const input = add(box, "input", { type: "checkbox", checked: view.only.has(patch.name) });
    add(box, "span", { textContent: patch.name }); add(box, "small", { textContent: patch.area });
    input.onchange = () => { input.checked ? view.only.add(patch.name) : view.only.delete(patch.name); draw(); };
  }
}
for (const id of ["axis", "place", "flip"]) {
  const input = $(id), key = input.type === "checkbox" ? "checked" : "value";
  input[key] = view[id];
  input.oninput = () => { view[id] = id === "place" ? Number(input.value) : input[key]; draw(); };
}
$("worst").checked = view.worst; $("worst").disabled = !worst;
$("worst").onchange = () => { view.worst = $("worst").checked; draw(); };
$("reset").onclick = () => { Object.assign(view, start, { move: [0, 0] }); draw(); };

// the mouse, a finger, the keys
let last = null, moved = 0;
canvas.onpointerdown = e => { last = [e.clientX, e.clientY]; moved = 0; canvas.setPointerCapture(e.pointerId); };
canvas.onpointermove = e => {
  if (!last) return;
  const [dx, dy] = [e.clientX - last[0], e.clientY - last[1]];
  last = [e.clientX, e.clientY]; moved += Math.abs(dx) + Math.abs(dy);
  if (e.shiftKey || e.buttons === 2) {
    view.move[0] += 2 * dx / canvas.clientWidth; view.move[1] -= 2 * dy / canvas.clientHeight;
  } else {
    view.turn += dx / 200; view.tilt = Math.max(-1.57, Math.min(1.57, view.tilt + dy / 200));
  }
  draw();
};
canvas.onpointerup = e => { if (last && moved < 4) pick(e); last = null; };
canvas.oncontextmenu = e => e.preventDefault();
canvas.onwheel = e => { e.preventDefault(); view.zoom *= Math.exp(-e.deltaY / 600); draw(); };
canvas.onkeydown = e => {
  const step = { ArrowLeft: ["turn", -0.1], ArrowRight: ["turn", 0.1], ArrowUp: ["tilt", 0.1], ArrowDown: ["tilt", -0.1] }[e.key];
  if (step) { view[step[0]] += step[1]; e.preventDefault(); }
  if (e.key === "+") view.zoom *= 1.1;
  if (e.key === "-") view.zoom /= 1.1;
  draw();
};
new ResizeObserver(draw).observe(canvas);
draw();
})();
