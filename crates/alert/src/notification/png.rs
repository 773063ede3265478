//! A picture in memory and its PNG (ISO/IEC 15948): 8 bits of red, green, blue and opacity. Draws what an incident's picture needs,
//! with soft edges: curves and discs.

use flate2::{Compression, write::ZlibEncoder};
use std::io::Write;

/// A colour, 0 … 1 each.
pub(super) type Colour = [f32; 3];

/// The picture; transparent at first.
pub(super) struct Canvas {
    width: usize,
    height: usize,
    /// Red, green, blue (times opacity) and opacity of each pixel.
    pixels: Vec<[f32; 4]>,
}

impl Canvas {
    pub(super) fn new(width: usize, height: usize) -> Self {
        Self { width, height, pixels: vec![[0.0; 4]; width * height] }
    }

    /// Puts a colour over what is there.
    fn blend(&mut self, x: usize, y: usize, colour: Colour, opacity: f32) {
        let Some(pixel) = self.pixels.get_mut(y * self.width + x) else { return };
        for (channel, value) in pixel.iter_mut().zip(colour) {
            *channel = value * opacity + *channel * (1.0 - opacity);
        }
        pixel[3] = opacity + pixel[3] * (1.0 - opacity);
    }

    /// Everything within `reach` of a shape that `distance` measures, between two corners.
    fn fill(&mut self, from: [f32; 2], to: [f32; 2], colour: Colour, opacity: f32, distance: impl Fn(f32, f32) -> f32) {
        let clamp = |value: f32, max: usize| value.max(0.0).min(max as f32) as usize;
        let (x0, x1) = (clamp(from[0] - 2.0, self.width), clamp(to[0] + 3.0, self.width));
        let (y0, y1) = (clamp(from[1] - 2.0, self.height), clamp(to[1] + 3.0, self.height));
        for y in y0..y1 {
            for x in x0..x1 {
                let cover = (0.5 - distance(x as f32 + 0.5, y as f32 + 0.5)).clamp(0.0, 1.0);
                if cover > 0.0 {
                    self.blend(x, y, colour, cover * opacity);
                }
            }
        }
    }

    /// A disc.
    pub(super) fn disc(&mut self, [cx, cy]: [f32; 2], radius: f32, colour: Colour, opacity: f32) {
        let distance = |x: f32, y: f32| (x - cx).hypot(y - cy) - radius;
        self.fill([cx - radius, cy - radius], [cx + radius, cy + radius], colour, opacity, distance);
    }

    /// A ring of this width.
    pub(super) fn ring(&mut self, [cx, cy]: [f32; 2], radius: f32, width: f32, colour: Colour, opacity: f32) {
        let distance = |x: f32, y: f32| ((x - cx).hypot(y - cy) - radius).abs() - width / 2.0;
        let reach = radius + width;
        self.fill([cx - reach, cy - reach], [cx + reach, cy + reach], colour, opacity, distance);
    }

    /// A curve that leaves and arrives level.
    pub(super) fn curve(&mut self, from: [f32; 2], to: [f32; 2], width: f32, colour: Colour, opacity: f32) {
        const STEPS: usize = 28;
        let at = |t: f32| {
            let ease = t * t * (3.0 - 2.0 * t);
            [from[0] + (to[0] - from[0]) * t, from[1] + (to[1] - from[1]) * ease]
        };
        let points: Vec<[f32; 2]> = (0..=STEPS).map(|i| at(i as f32 / STEPS as f32)).collect();
        let span = (to[0] - from[0]).max(1.0);
        let distance = |x: f32, y: f32| {
            // Only pieces near this column can be nearest: the curve never turns back.
            let place = ((x - from[0]) / span * STEPS as f32).floor();
            let first = (place - 1.0).clamp(0.0, (STEPS - 1) as f32) as usize;
            let nearest = points[first..].windows(2).take(3).map(|p| to_piece(p[0], p[1], x, y));
            nearest.fold(f32::INFINITY, f32::min) - width / 2.0
        };
        let (low, high) = (from[1].min(to[1]) - width, from[1].max(to[1]) + width);
        self.fill([from[0], low], [to[0], high], colour, opacity, distance);
    }

    /// As a PNG file.
    pub(super) fn png(&self) -> Vec<u8> {
        let mut rows = Vec::with_capacity(self.height * (self.width * 4 + 1));
        for row in self.pixels.chunks(self.width) {
            // No filter: what is drawn is mostly empty.
            rows.push(0);
            for [r, g, b, a] in row {
                let byte = |v: f32| (v * 255.0).round().clamp(0.0, 255.0) as u8;
                let straight = |v: &f32| if *a > 0.0 { byte(v / a) } else { 0 };
                rows.extend([straight(r), straight(g), straight(b), byte(*a)]);
            }
        }
        let mut header = Vec::new();
        header.extend((self.width as u32).to_be_bytes());
        header.extend((self.height as u32).to_be_bytes());
        header.extend([8, 6, 0, 0, 0]);
        let mut out = vec![0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n'];
        chunk(&mut out, *b"IHDR", &header);
        chunk(&mut out, *b"IDAT", &deflated(&rows));
        chunk(&mut out, *b"IEND", &[]);
        out
    }
}

fn deflated(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    // Writing into memory cannot fail; were it to, the mail would go without its picture.
    if encoder.write_all(data).is_err() {
        return Vec::new();
    }
    encoder.finish().unwrap_or_default()
}

fn chunk(out: &mut Vec<u8>, name: [u8; 4], data: &[u8]) {
    out.extend((data.len() as u32).to_be_bytes());
    let begin = out.len();
    out.extend(name);
    out.extend(data);
    let sum = crc32fast::hash(&out[begin..]);
    out.extend(sum.to_be_bytes());
}

/// Distance of a point from a straight piece.
fn to_piece([ax, ay]: [f32; 2], [bx, by]: [f32; 2], x: f32, y: f32) -> f32 {
    let (dx, dy) = (bx - ax, by - ay);
    let length = dx * dx + dy * dy;
    let t = if length > 0.0 { (((x - ax) * dx + (y - ay) * dy) / length).clamp(0.0, 1.0) } else { 0.0 };
    (x - ax - t * dx).hypot(y - ay - t * dy)
}
