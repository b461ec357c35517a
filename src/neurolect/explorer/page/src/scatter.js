// Points on a canvas, written pixel by pixel: hundreds of thousands move smoothly without a graphics card.

const SMOOTH = 60000; // points at most whose edges are smoothed

export class Scatter {
  constructor(canvas) {
    this.canvas = canvas;
    this.view = { x: 0, y: 0, scale: 1 };
    this.waiting = false;
  }

  // x, y: Float64Array (NaN: not drawn); colours: Uint8 code a point; palette: [[r, g, b]]; shown: Uint8 a point or null.
  set({ x, y, colours, palette, ground, shown }) {
    const isOther = x !== this.x || y !== this.y;
    Object.assign(this, { x, y, colours, palette, ground, shown });
    if (isOther) {
      this.order = mixed(x.length);
      this.ends = [extent(x), extent(y)];
      this.index = null;
      this.fit();
    }
    this.draw();
  }

  get size() {
    return [this.canvas.clientWidth, this.canvas.clientHeight];
  }

  fit() {
    const [width, height] = this.size;
    const [[x0, x1], [y0, y1]] = this.ends;
    const scale = Math.min((width - 30) / (x1 - x0 || 1), (height - 130) / (y1 - y0 || 1));
    this.least = scale;
    this.view = { x: (x0 + x1) / 2, y: (y0 + y1) / 2, scale };
  }

  toScreen(x, y) {
    const [width, height] = this.size;
    return [width / 2 + (x - this.view.x) * this.view.scale, height / 2 - (y - this.view.y) * this.view.scale];
  }

  toData(px, py) {
    const [width, height] = this.size;
    return [this.view.x + (px - width / 2) / this.view.scale, this.view.y - (py - height / 2) / this.view.scale];
  }

  move(dx, dy) {
    this.view.x -= dx / this.view.scale;
    this.view.y += dy / this.view.scale;
    this.draw();
  }

  zoom(factor, px, py) {
    const [x, y] = this.toData(px, py);
    const scale = Math.max(this.least * 0.5, Math.min(this.least * 400, this.view.scale * factor));
    this.view.x = x - ((x - this.view.x) * this.view.scale) / scale;
    this.view.y = y - ((y - this.view.y) * this.view.scale) / scale;
    this.view.scale = scale;
    this.draw();
  }

  draw() {
    if (this.waiting || !this.x) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.paint();
    });
  }

  radius(dense) {
    const nearer = Math.sqrt(this.view.scale / this.least);
    const usual = Math.max(0.7, Math.min(2.6, 260 / Math.sqrt(this.x.length)));
    return Math.max(0.8, Math.min(6, usual * nearer)) * dense;
  }

  paint() {
    const { canvas, x, y, colours, palette, order, shown, view } = this;
    const dense = Math.min(2, devicePixelRatio || 1);
    const [width, height] = this.size.map((each) => Math.round(each * dense));
    if (!width || !height) return;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
      this.image = null;
    }
    const brush = canvas.getContext("2d");
    this.image = this.image || brush.createImageData(width, height);
    const pixels = new Uint32Array(this.image.data.buffer);
    pixels.fill(packed(this.ground));
    const codes = palette.map(packed);
    const radius = this.radius(dense);
    const { whole, edge, shares } = disc(radius, width, order.length <= SMOOTH);
    const reach = Math.ceil(radius) + 1;
    const scale = view.scale * dense;
    const [left, top] = [width / 2 - view.x * scale, height / 2 + view.y * scale];
    for (let at = 0; at < order.length; at++) {
      const point = order[at];
      if (shown && !shown[point]) continue;
      const px = Math.round(left + x[point] * scale);
      const py = Math.round(top - y[point] * scale);
      if (!(px >= reach && px < width - reach && py >= reach && py < height - reach)) continue;
      const from = py * width + px;
      const code = codes[colours[point]];
      for (let place = 0; place < whole.length; place++) pixels[from + whole[place]] = code;
      for (let place = 0; place < edge.length; place++) pixels[from + edge[place]] = blended(pixels[from + edge[place]], code, shares[place]);
    }
    brush.putImageData(this.image, 0, 0);
  }

  // The point nearest to a place of the screen, at most `reach` pixels away; -1 where there is none.
  nearest(px, py, reach = 12) {
    const [x, y] = this.toData(px, py);
    const limit = reach / this.view.scale;
    let best = -1;
    let least = limit * limit;
    for (const point of this.near(x, y, limit)) {
      if (this.shown && !this.shown[point]) continue;
      const distance = (this.x[point] - x) ** 2 + (this.y[point] - y) ** 2;
      if (distance < least) [best, least] = [point, distance];
    }
    return best;
  }

  // Points in the cells of a grid about a place.
  *near(x, y, limit) {
    if (!this.index) this.index = gridOf(this.x, this.y, this.ends);
    const { cells, columns, starts, members, step } = this.index;
    const [[x0], [y0]] = this.ends;
    const bound = (value) => Math.max(0, Math.min(columns - 1, Math.floor(value)));
    for (let row = bound((y - limit - y0) / step[1]); row <= bound((y + limit - y0) / step[1]); row++) {
      for (let col = bound((x - limit - x0) / step[0]); col <= bound((x + limit - x0) / step[0]); col++) {
        const cell = row * columns + col;
        if (cell < cells) for (let at = starts[cell]; at < starts[cell + 1]; at++) yield members[at];
      }
    }
  }
}

function extent(values) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : [0, 1];
}

// Points in an order that mixes layers and groups, the same each time: none is always on top.
function mixed(n) {
  const order = Uint32Array.from({ length: n }, (_, at) => at);
  let state = 1;
  for (let at = n - 1; at > 0; at--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const other = Math.floor((state / 4294967296) * (at + 1));
    [order[at], order[other]] = [order[other], order[at]];
  }
  return order;
}

const packed = ([red, green, blue]) => ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;

// Mix two colours channel by channel; share of 256.
function blended(under, over, share) {
  const rest = 256 - share;
  const odd = ((((under & 0xff00ff) * rest + (over & 0xff00ff) * share) >>> 8) & 0xff00ff) >>> 0;
  const green = ((((under >>> 8) & 0xff) * rest + ((over >>> 8) & 0xff) * share) >>> 8) << 8;
  return (0xff000000 | odd | green) >>> 0;
}

// The pixels of a disc about one: those all in it, and of those at its edge how much, where there are not too many points.
function disc(radius, width, isSmooth) {
  const reach = Math.ceil(radius);
  const [whole, edge, shares] = [[], [], []];
  for (let dy = -reach; dy <= reach; dy++) {
    for (let dx = -reach; dx <= reach; dx++) {
      const share = Math.max(0, Math.min(1, radius + 0.5 - Math.hypot(dx, dy)));
      if (share === 1 || (!isSmooth && share > 0.5)) whole.push(dy * width + dx);
      else if (isSmooth && share > 0.05) edge.push(dy * width + dx) && shares.push(Math.round(256 * share));
    }
  }
  return { whole: Int32Array.from(whole), edge: Int32Array.from(edge), shares: Int32Array.from(shares) };
}

function gridOf(x, y, [[x0, x1], [y0, y1]]) {
  const columns = Math.max(1, Math.min(400, Math.round(Math.sqrt(x.length / 4))));
  const step = [(x1 - x0) / columns || 1, (y1 - y0) / columns || 1];
  const cells = columns * columns;
  const starts = new Uint32Array(cells + 1);
  const cellOf = (at) => {
    if (!(Number.isFinite(x[at]) && Number.isFinite(y[at]))) return -1;
    return Math.min(columns - 1, Math.floor((y[at] - y0) / step[1])) * columns + Math.min(columns - 1, Math.floor((x[at] - x0) / step[0]));
  };
  for (let at = 0; at < x.length; at++) if (cellOf(at) >= 0) starts[cellOf(at) + 1]++;
  for (let cell = 0; cell < cells; cell++) starts[cell + 1] += starts[cell];
  const members = new Uint32Array(starts[cells]);
  const next = starts.slice();
  for (let at = 0; at < x.length; at++) if (cellOf(at) >= 0) members[next[cellOf(at)]++] = at;
  return { cells, columns, starts, members, step };
}
