import RenormArrays

extension Dataset {
    /// The images, `u8` [N, H, W, C]: those in memory as they are, a subset's gathered anew.
    ///
    /// For images in memory. A source that reads files may fail, which stops the program here; `readImages` throws.
    public var images: NDArray {
        if index.isWhole, let memory = imageSource as? MemoryImages, memory.commonSize == size,
            framing.placement(of: size).isWhole(of: size)
        {
            return memory.array
        }
        do {
            return try readImages()
        } catch {
            preconditionFailure("\(error)")
        }
    }

    /// Reads all images, at the size that they have in batches: `u8` [N, H, W, C].
    ///
    /// - Throws: what the image source throws.
    public func readImages() throws -> NDArray {
        var result = NDArray(uninitialized: TensorShape([count] + size.extents), type: .u8)
        try result.withMutableValues(of: UInt8.self) { result in
            var place = result.baseAddress!
            try forEachImage { pixels in
                place.update(from: pixels, count: size.valueCount)
                place += size.valueCount
            }
        }
        return result
    }

    /// A number that other images or labels would almost surely not have; what it knows of an image is for the image
    /// source to say. Of images in memory it is every pixel.
    public var fingerprint: UInt64 {
        var fingerprint = Fingerprint()
        for example in 0..<count {
            imageSource.addFingerprint(of: index.image(of: example), to: &fingerprint)
        }
        for label in labels { fingerprint.add(Int(label)) }
        return fingerprint.value
    }

    /// Calls `body` with the pixels of each example in turn, whole and at the size that images have in batches; where they
    /// have it already, they are not copied.
    func forEachImage(_ body: (UnsafePointer<UInt8>) -> Void) throws {
        let workspace = ImageWorkspace()
        for example in 0..<count {
            let image = index.image(of: example)
            let placement = framing.placement(of: try imageSource.size(of: image))
            try imageSource.withPixels(of: image, for: placement, in: workspace) { view in
                // A picture of the right size may still be cropped, and what is left of it be enlarged.
                if view.size == size, view.isWhole, placement.isWhole(of: size) {
                    body(view.pixels)
                } else {
                    let placed = workspace.placed.memory(of: size.valueCount).baseAddress!
                    resample(view, placement, to: placed, in: workspace)
                    body(placed)
                }
            }
        }
    }
}
