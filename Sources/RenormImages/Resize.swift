import RenormArrays
import RenormKernels

/// Images brought to another size by a triangle filter: bilinear interpolation where they grow, a weighted mean over all
/// pixels that fall on one where they shrink (Pillow's `BILINEAR`, to the bit; the ratio of the sides is not kept).
///
/// - Parameter images: `u8` [N, H, W, C].
/// - Returns: `u8` [N, height, width, C].
public func resized(_ images: NDArray, height: Int, width: Int) -> NDArray {
    precondition(
        images.shape.rank == 4 && images.type == .u8 && images.elementCount > 0 && height > 0 && width > 0,
        "\(images.type) images of shape \(images.shape) cannot take the size \(height) × \(width)")
    if images.shape[1] == height, images.shape[2] == width { return images }
    let size = ImageSize(height: images.shape[1], width: images.shape[2], channels: images.shape[3])
    return Placement(whole: size, height: height, width: width)(images)
}

extension Placement {
    /// The same part of each of several images, placed.
    ///
    /// - Parameter images: `u8` [N, H, W, C], at least one.
    /// - Returns: `u8` [N, height, width, C].
    public func callAsFunction(_ images: NDArray) -> NDArray {
        precondition(
            images.shape.rank == 4 && images.type == .u8 && images.elementCount > 0,
            "\(images.type) images of shape \(images.shape) cannot be placed")
        let source = MemoryImages(images)
        let channels = images.shape[3]
        let writer = PlacementWriter<UInt8>(channels: channels)
        let workspace = ImageWorkspace()
        var result = NDArray(uninitialized: [source.count, height, width, channels], type: .u8)
        result.withMutableValues(of: UInt8.self) { target in
            for image in 0..<source.count {
                let place = target.baseAddress! + image * height * width * channels
                source.withPixels(of: image, for: self, in: workspace) {
                    writer.write($0, placed: self, to: place, in: workspace)
                }
            }
        }
        return result
    }
}

/// Cuts out what the placement says and brings it to its size; it does not mirror.
///
/// The pixels are those of Pillow 13's `resize` with this crop as its `box`, to the bit and on every instruction set, because all sums
/// are in whole numbers. (Pillow takes no box that reaches outside the picture; before 13 it made new rows first always.)
func resample(
    _ view: PixelView, _ placement: Placement, to target: UnsafeMutablePointer<UInt8>,
    in workspace: ImageWorkspace
) {
    placement.fill(&workspace.rows, &workspace.columns, of: view.size)
    let (rows, columns) = (workspace.rows.span, workspace.columns.span)
    let channels = view.size.channels
    let rowSize = placement.width * channels
    guard !rows.isEmpty, !columns.isEmpty else {
        target.update(repeating: 0, count: placement.height * rowSize)
        return
    }
    let instructions = renorm_instructions_current()
    let (size, stride) = (columns.count * channels, view.columns.count * channels)
    let source = view.pixel(row: rows.lowerBound, column: columns.lowerBound)
    if placement.narrowsFirst(view.size) {
        let narrowed = workspace.narrowed.memory(of: rows.count * rowSize).baseAddress!
        workspace.columns.withTaps {
            renorm_resample_rows(
                instructions, $0, channels, rows.count, view.columns.count, source, narrowed)
        }
        workspace.rows.withTaps {
            renorm_resample_columns(instructions, $0, rowSize, rowSize, narrowed, target)
        }
    } else {
        let lowered = workspace.narrowed.memory(of: placement.height * size).baseAddress!
        workspace.rows.withTaps {
            renorm_resample_columns(instructions, $0, size, stride, source, lowered)
        }
        workspace.columns.withTaps {
            renorm_resample_rows(
                instructions, $0, channels, placement.height, columns.count, lowered, target)
        }
    }
}

extension Placement {
    /// Whether rows are made first, as Pillow decides it: not if the height loses more than twice as many pixels as the width. Bytes
    /// are rounded between the two, so the order can be seen.
    fileprivate func narrowsFirst(_ picture: ImageSize) -> Bool {
        let (lostHeight, lostWidth) = (
            picture.height - (whole?.height ?? height), picture.width - (whole?.width ?? width)
        )
        return lostHeight <= 0 || lostHeight <= 2 * lostWidth
    }
}
