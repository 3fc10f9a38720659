import Foundation
import RenormImages
import Testing

@Suite struct AugmentationTextTests {
    private typealias Jitter = Augmentation.ColourJitter

    private static let cases: [(text: String, value: Augmentation)] = [
        ("none", .none),
        ("standard", .standard),
        ("photo", .photo),
        ("standard flip=0", Augmentation(crop: .padded)),
        ("standard jitter=0.1", Augmentation(crop: .padded, flip: 0.5, jitter: Jitter(0.1))),
        ("none vflip=1 trivial=true", Augmentation(verticalFlip: 1, isTrivial: true)),
        ("none crop=resized", Augmentation(crop: .resized())),
        (
            "photo scale=0.35..1 ratio=1..2 interpolation=bicubic flip=0 jitter=0.4/0.3/0.2/0.01 erasing=0.25",
            Augmentation(
                crop: .resized(scale: 0.35...1, ratio: 1...2, interpolation: .bicubic),
                jitter: Jitter(brightness: 0.4, contrast: 0.3, saturation: 0.2, hue: 0.01),
                erasing: Augmentation.Erasing(probability: 0.25))
        ),
        (
            "photo erasing=0.5 erasing-scale=0.1..0.2 erasing-ratio=0.5..2",
            Augmentation(
                crop: .resized(scale: 0.25...1), flip: 0.5, jitter: Jitter(0.2),
                erasing: Augmentation.Erasing(probability: 0.5, scale: 0.1...0.2, ratio: 0.5...2))
        ),
    ]

    @Test(arguments: cases.indices) func textIsReadAndWritten(number: Int) throws {
        let (text, value) = Self.cases[number]
        #expect(try Augmentation(parsing: text) == value)
        #expect(value.description == text)
        let json = try JSONEncoder().encode([value])
        #expect(try JSONDecoder().decode([Augmentation].self, from: json) == [value])
        #expect(try JSONDecoder().decode([String].self, from: json) == [text])
    }

    @Test func whatIsWrittenAnotherWayIsTheSame() throws {
        #expect(try Augmentation(parsing: "photo jitter=0 crop=padded") == .standard)
        #expect(try Augmentation(parsing: "photo crop=none flip=0 jitter=0 erasing=0") == .none)
        #expect(try Augmentation(parsing: "photo  flip=0.5 scale=.25..1.0") == .photo)
        #expect(try Augmentation(parsing: "photo crop=resized jitter=0.2/0.2/0.2/0.02") == .photo)
    }

    @Test(arguments: [
        ("cutout", "\"cutout\" is no augmentation. Expected none, standard, photo. Choose one of these."),
        ("", "\"\" is no augmentation. Expected none, standard, photo. Choose one of these."),
        (
            "photo flip",
            "The augmentation 'photo flip': found 'flip'; expected options such as flip=0.5. Change it."
        ),
        (
            "photo flip=0 flip=1",
            "The augmentation 'photo flip=0 flip=1': found flip twice; expected it once. Change it."
        ),
        (
            "photo flip=2", "The augmentation 'photo flip=2': found flip 2.0; expected 0 to 1. Change it."
        ),
        (
            "photo jitter=a",
            "The augmentation 'photo jitter=a': found 'jitter=a'; "
                + "expected jitter=a number such as 0.4, or four as 0.4/0.4/0.2/0.05. Change it."
        ),
        (
            "photo jitter=0.1/0.1/0.1/0.6",
            "The augmentation 'photo jitter=0.1/0.1/0.1/0.6': found hue 0.6; expected 0 to 0.5. Change it."
        ),
        (
            "standard scale=0.5..1",
            "The augmentation 'standard scale=0.5..1': found 'scale=0.5..1'; "
                + "expected it with resized crops alone (crop=resized). Change it."
        ),
        (
            "photo erasing-scale=0.1..0.2",
            "The augmentation 'photo erasing-scale=0.1..0.2': found 'erasing-scale=0.1..0.2'; "
                + "expected it with erasing alone (erasing=0.25). Change it."
        ),
        (
            "photo scale=0..1",
            "The augmentation 'photo scale=0..1': found scale 0.0 to 1.0; "
                + "expected numbers above 0, at most 1. Change it."
        ),
        (
            "photo scale=1..0.5",
            "The augmentation 'photo scale=1..0.5': found 'scale=1..0.5'; "
                + "expected scale=two numbers such as 0.35..1. Change it."
        ),
        (
            "photo interpolation=lanczos",
            "The augmentation 'photo interpolation=lanczos': found 'interpolation=lanczos'; "
                + "expected interpolation=nearest, bilinear, bicubic. Change it."
        ),
        (
            "photo erasing=2",
            "The augmentation 'photo erasing=2': found probability of erasing 2.0; "
                + "expected above 0, at most 1. Change it."
        ),
        (
            "photo zoom=2",
            "The augmentation 'photo zoom=2': found 'zoom=2'; expected crop, scale, ratio, interpolation, flip, vflip, "
                + "jitter, trivial, erasing, erasing-scale and erasing-ratio, each with its value. Change it."
        ),
    ])
    func badTextSaysWhatWasExpected(text: String, message: String) throws {
        let error = try #require(throws: ImagesError.self) { try Augmentation(parsing: text) }
        #expect("\(error)" == message)
        let json = try JSONEncoder().encode([text])
        #expect(throws: DecodingError.self) { try JSONDecoder().decode([Augmentation].self, from: json) }
    }
}
