/// A name that a pickle may speak: what it stands for here. There are no others.
enum PickleGlobal {
    /// Containers and plain values.
    case dictionary, list, tuple, set, text, bytes, bytesOfText
    /// A class whose values weights do not need, by its name.
    case other(String)
    /// `copyreg._reconstructor`, which makes a value of a class.
    case reconstructor
    /// The functions that make a tensor of a storage: the oldest, `_v2` and `_v3`.
    case tensor, tensor2, tensor3
    /// Those that say more of a tensor.
    case parameter, typedTensor
    case tensorClass
    case storage(PickledStorage.Kind)
    case elementType(StoredType?, name: String)
    case numpyScalar, numpyArray, numpyArrayOfBytes, numpyArrayClass, numpyType

    /// What a name stands for; `nil` for every name that is not known.
    init?(module: String, name: String) {
        if let known = PickleGlobal.known["\(module).\(name)"] {
            self = known
        } else if ["torch", "torch.cuda", "torch.storage"].contains(module),
            let kind = PickledStorage.Kind(name: name)
        {
            self = .storage(kind)
        } else if module == "torch", let type = PickleGlobal.elementTypes[name] {
            self = .elementType(type, name: name)
        } else if ["torch", "torch.cuda"].contains(module), name.hasSuffix("Tensor"),
            PickledStorage.Kind(name: "\(name.dropLast(6))Storage") != nil
        {
            self = .tensorClass
        } else {
            return nil
        }
    }

    /// Names of Python's own types stand under `builtins`, or as Python 2 called it.
    private static let known: [String: PickleGlobal] = {
        var known: [String: PickleGlobal] = [
            "collections.OrderedDict": .dictionary, "collections.defaultdict": .dictionary,
            "collections.Counter": .dictionary, "torch.Size": .tuple, "torch.device": .text,
            "torch.torch_version.TorchVersion": .text, "_codecs.encode": .bytesOfText,
            "copyreg._reconstructor": .reconstructor, "copy_reg._reconstructor": .reconstructor,
            "torch._utils._rebuild_tensor": .tensor, "torch._utils._rebuild_tensor_v2": .tensor2,
            "torch._utils._rebuild_tensor_v3": .tensor3, "torch._utils._rebuild_parameter": .parameter,
            "torch._utils._rebuild_parameter_with_state": .parameter,
            "torch._tensor._rebuild_from_type_v2": .typedTensor, "torch.Tensor": .tensorClass,
            "torch.nn.parameter.Parameter": .tensorClass, "torch.nn.parameter.Buffer": .tensorClass,
            "numpy.ndarray": .numpyArrayClass, "numpy.dtype": .numpyType,
        ]
        for path in ["numpy.core", "numpy._core"] {
            known["\(path).multiarray.scalar"] = .numpyScalar
            known["\(path).multiarray._reconstruct"] = .numpyArray
            known["\(path).numeric._frombuffer"] = .numpyArrayOfBytes
        }
        for module in ["builtins", "__builtin__"] {
            known["\(module).dict"] = .dictionary
            known["\(module).list"] = .list
            known["\(module).tuple"] = .tuple
            known["\(module).set"] = .set
            known["\(module).frozenset"] = .set
            known["\(module).str"] = .text
            known["\(module).unicode"] = .text
            known["\(module).bytes"] = .bytes
            known["\(module).bytearray"] = .bytes
            for name in ["int", "long", "float", "bool", "complex", "object", "slice", "range", "xrange"] {
                known["\(module).\(name)"] = .other(name)
            }
        }
        for name in [
            "argparse.Namespace", "types.SimpleNamespace", "datetime.datetime", "datetime.date",
            "datetime.time", "datetime.timedelta", "datetime.timezone",
        ]
            + ["pathlib", "pathlib._local"].flatMap({ module in
                ["Path", "PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath"].map {
                    "\(module).\($0)"
                }
            })
        {
            known[name] = .other(name)
        }
        return known
    }()

    /// PyTorch's types of numbers, `nil` where they are not read.
    private static let elementTypes: [String: StoredType?] = [
        "float32": .f32, "float": .f32, "float64": .f64, "double": .f64, "float16": .f16, "half": .f16,
        "bfloat16": .bf16, "int64": .i64, "long": .i64, "int32": .i32, "int": .i32, "int16": .i16,
        "short": .i16, "int8": .i8, "uint8": .u8, "uint16": .u16, "uint32": .u32, "bool": .bool,
        "uint64": nil, "complex32": nil, "complex64": nil, "complex128": nil, "float8_e4m3fn": nil,
        "float8_e5m2": nil, "float8_e4m3fnuz": nil, "float8_e5m2fnuz": nil, "float8_e8m0fnu": nil,
        "qint8": nil, "quint8": nil, "qint32": nil,
    ]

    /// What to do about a file that speaks a name that is not known.
    static func remedy(for module: String, _ name: String) -> String {
        let root = module.split(separator: ".").first.map(String.init) ?? module
        if [
            "os", "posix", "nt", "subprocess", "sys", "runpy", "shutil", "socket", "importlib", "webbrowser",
            "pty", "code",
        ]
        .contains(root)
            || (["builtins", "__builtin__"].contains(root))
        {
            return "No weights need it: do not load this file in Python either."
        }
        if module == "torch._utils" || module == "torch.ao.quantization"
            || root == "torch" && name.contains("quant")
        {
            return
                "In Python, make its tensors plain ones, for example by dequantize() or to_dense(), and save "
                + "their state dictionary again."
        }
        return
            "If you trust whoever made it, load it in Python where its classes are installed, and save the weights "
            + "alone: torch.save(model.state_dict(), \"weights.pth\")."
    }
}
